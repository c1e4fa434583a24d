"""`fit`: the fewest or cheapest nodes, against brute force where that is possible."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cluster_documents import node, pod, written

from schedbench.experiment.whatif.fit import fit as search
from schedbench.experiment.whatif.pools import Pools, PricedPool
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy

pytestmark = pytest.mark.slow


@pytest.fixture
def fit(cli, here):
    """Ask for the nodes for pods with CPU requests; return the outcome."""

    def ask(requests, pools, *options, head="", **spec):
        written(
            here / "pods.json",
            node("gone"),
            *(
                pod(f"p{place}", cpu, on="gone" if place % 2 else None, **spec)
                for place, cpu in enumerate(requests)
            ),
        )
        text = "".join(f"  - {pool}\n" for pool in pools)
        (here / "pools.yaml").write_text(f"{head}pools:\n{text}")
        return cli("fit", "pods.json", "--nodes", "pools.yaml", *options)

    return ask


def bins(sizes, capacity) -> int:
    """Return the fewest bins by brute force."""
    for count in range(1, len(sizes) + 1):
        for places in itertools.product(range(count), repeat=len(sizes)):
            loads = [0] * count
            for size, place in zip(sizes, places, strict=True):
                loads[place] += size
            if max(loads) <= capacity:
                return count
    raise AssertionError


SMALL = "{name: small, cpu: 4, memory: 64Gi}"


@pytest.mark.parametrize(
    "sizes", [[2, 2, 2, 2], [3, 3, 1, 1], [3, 3, 3], [1], [4, 1, 1, 1, 1], [2, 3, 2]]
)
def test_the_fewest_nodes_by_brute_force(fit, sizes):
    """Best fit finds what brute force finds, and the bound is below it."""
    found = fit(map(str, sizes), [SMALL], "-p", "best-fit", "--json").document

    assert found["counts"] == {"small": bins(sizes, 4)}
    assert found["bound"] <= bins(sizes, 4)
    assert found["pods"] == len(sizes)


def test_the_cheapest_of_two_pools(fit):
    """Nine CPUs cost 9 with a node of 1 CPU, 12 on three nodes of 4."""
    pools = [
        "{name: small, cpu: 1, memory: 64Gi, price: 1}",
        "{name: large, cpu: 4, memory: 64Gi, price: 4}",
    ]
    found = fit(["1"] * 9, pools, "--json").document
    text = fit(["1"] * 9, pools)

    assert (found["cost"], found["bound"], found["optimal"]) == (9, 9, True)
    assert "nodes for 9 carry 9 pods" in text.out
    assert "this is the optimum" in text.out


def test_what_the_sums_miss_the_search_adds(fit):
    """Pods of 3 leave a quarter of each node empty: 8 would do in sum, not 10."""
    found = fit(["3"] * 10, [SMALL], "--json").document

    assert found["counts"] == {"small": 10}
    assert found["bound"] == 10


def test_a_gap_is_told(fit):
    """Fractions of pods fill three nodes of 4, whole ones need four."""
    found = fit(["3", "3", "2", "2", "2"], [SMALL], "-p", "best-fit", "--json").document

    assert found["counts"] == {"small": 4}
    assert (found["bound"], found["optimal"]) == (3, False)
    assert found["gap"] == pytest.approx(1 / 3)
    assert found["local"]


def test_pools_that_a_pod_must_not_use(fit):
    """A selector leaves one pool only, though the other is cheaper."""
    pools = [
        "{name: cheap, cpu: 4, memory: 64Gi, price: 1}",
        "{name: dear, cpu: 4, memory: 64Gi, price: 9}",
    ]
    found = fit(["4", "4"], pools, "--json", nodeSelector={"pool": "dear"}).document

    assert found["counts"] == {"cheap": 0, "dear": 2}
    assert found["optimal"]


def test_the_least_of_a_pool_stays(fit):
    """`min` nodes are there whether needed or not."""
    found = fit(["1"], ["{name: a, cpu: 4, memory: 64Gi, min: 3}"], "--json").document

    assert found["counts"] == {"a": 3}


def test_pods_that_come_with_their_nodes_are_left_out(fit, cli, here):
    """DaemonSet and static pods are no reason for a node."""
    owner = {"ownerReferences": [{"kind": "DaemonSet", "name": "d", "uid": "1",
                                  "apiVersion": "apps/v1"}]}  # fmt: skip
    fit(["1"], [SMALL])
    written(here / "pods.json", node("gone"), pod("d", "4", on="gone", meta=owner),
            pod("p", "4"))  # fmt: skip
    found = cli("fit", "pods.json", "--nodes", "pools.yaml", "--json").document

    assert (found["counts"], found["pods"]) == ({"small": 1}, 1)
    assert "1 pods of DaemonSets" in found["notes"][-1]


def test_pods_that_end_leave_room():
    """A hundred pods one after another need one node, not a hundred."""
    template = default_pod(decode_object(pod("p", "4"), "here"), {})
    stream = PodStream.of(
        [template],
        np.zeros(100, dtype=np.int32),
        arrival=10.0 * np.arange(100),
        duration=10.0,
    )
    pools = Pools(pools=[PricedPool(name="small", cpu=4, memory="64Gi")])
    found = search(Workload("jobs", [], stream), pools, make_policy("best-fit"), seed=0)

    assert (found.counts, found.bound) == ({"small": 1}, 1)


def test_few_replays_are_told(fit):
    """What was not tried may be better."""
    sizes = ["3", "3", "2", "2", "2"]
    found = fit(sizes, [SMALL], "-p", "best-fit", "--replays", "1")

    assert found.code == 0
    assert "more may find fewer nodes" in found.out


@pytest.mark.parametrize(
    ("pools", "words"),
    [
        pytest.param([], "pools", id="none"),
        pytest.param([SMALL, SMALL], "same name", id="twice"),
        pytest.param(["{name: a, cpu: 4}"], "memory", id="no memory"),
        pytest.param(["{name: a, cpu: x, memory: 1}"], "cpu", id="no quantity"),
        pytest.param(
            ["{name: a, cpu: 1, memory: 1, price: .nan}"],
            "not a number",
            id="a price of NaN",
        ),
        pytest.param(
            ["{name: a, cpu: 1, memory: 1, price: -1}"], "price", id="negative price"
        ),
        pytest.param(
            [SMALL, "{name: a, cpu: 4, memory: 1, price: 1}"],
            "others have none",
            id="some prices",
        ),
        pytest.param(
            ["{name: a, cpu: 4, memory: 1Gi, min: 5, max: 2}"], "above max", id="min"
        ),
        pytest.param(
            ["{name: a, cpu: 4, memory: 64Gi, max: 1}"], "raise max", id="too few"
        ),
        pytest.param(
            ["{name: a, cpu: 1, memory: 64Gi}"], "fits on a node of no pool", id="small"
        ),
        pytest.param(["{name: a, cpu: 4, memory: 1, cost: 3}"], "cost", id="unknown"),
    ],
)
def test_pools_that_make_no_sense(fit, pools, words):
    """Exit code 2, with the file and what is wrong in it."""
    found = fit(["2", "2", "2"], pools)

    assert (found.code, words in found.err) == (2, True)
    assert "pools.yaml" in found.err


def test_files_that_are_not_there(fit, cli):
    """The missing one is named."""
    fit(["1"], [SMALL])
    nodes = cli("fit", "pods.json", "--nodes", "none.yaml")
    pods = cli("fit", "nobody.json", "--nodes", "pools.yaml")

    assert (nodes.code, "none.yaml" in nodes.err) == (2, True)
    assert (pods.code, "nobody.json" in pods.err) == (2, True)
