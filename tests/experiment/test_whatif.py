"""Capacity and the bound of `fit` against plain counting, on small random clusters."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from cluster_documents import node, pod, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schedbench.experiment.whatif.capacity import capacity
from schedbench.experiment.whatif.fit import fit
from schedbench.experiment.whatif.pools import Pools, PricedPool, problem_of
from schedbench.experiment.whatif.snapshot import last_places
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind

pytestmark = pytest.mark.slow

few = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def milli(cpu: int) -> str:
    return f"{cpu}m"


@few
@given(
    nodes=st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 12)), min_size=1, max_size=5
    ),
    bound=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1500)), max_size=8),
    wanted=st.integers(1, 2500),
)
def test_capacity_is_what_plain_counting_says(tmp_path, nodes, bound, wanted):
    """On each node what CPU, memory and the number of pods leave, rounded down."""
    free = [list(each) for each in nodes]
    items = [
        node(f"n{place}", cpu=milli(cpu), pods=str(pods))
        for place, (cpu, pods) in enumerate(nodes)
    ]
    for number, (place, cpu) in enumerate(bound):
        here = place % len(nodes)
        items.append(pod(f"b{number}", milli(cpu), on=f"n{here}"))
        free[here][0] -= cpu
        free[here][1] -= 1
    memory = [64 * 1024 - 100 * (pods - left) for (_, pods), (_, left) in
              zip(nodes, free, strict=True)]  # fmt: skip
    expected = sum(
        max(0, min(cpu // wanted, pods, room // 100))
        for (cpu, pods), room in zip(free, memory, strict=True)
    )
    snapshot = written(tmp_path / "cluster.json", *items)
    (tmp_path / "pod.json").write_text(json.dumps(pod("new", milli(wanted))))

    found = capacity(str(snapshot), str(tmp_path / "pod.json"))

    assert found.fits == expected
    assert found.stopped_by is not None
    assert found.stopped_by.startswith(f"0/{len(nodes)} nodes are available: ")


def workload_of(sizes: list[int]) -> Workload:
    """Return pods of so many CPUs, all there from the start."""
    templates = [
        default_pod(decode_object(pod(f"p{place}", str(size)), "here"), {})
        for place, size in enumerate(sizes)
    ]
    return Workload("pods", [], PodStream.of(templates))


def cheapest(sizes: list[int], pools: list[tuple[int, float]]) -> float:
    """Return the least price of nodes that hold the sizes, by brute force."""
    best = math.inf
    most = len(sizes)
    for counts in itertools.product(range(most + 1), repeat=len(pools)):
        price = sum(n * each for n, (_, each) in zip(counts, pools, strict=True))
        rooms = [cpu for n, (cpu, _) in zip(counts, pools, strict=True)
                 for _ in range(n)]  # fmt: skip
        if price < best and _packs(sorted(sizes, reverse=True), rooms):
            best = price
    return best


def _packs(sizes: list[int], rooms: list[int]) -> bool:
    if not sizes:
        return True
    for place in range(len(rooms)):
        if rooms[place] >= sizes[0] and rooms[place] not in rooms[:place]:
            left = [*rooms]
            left[place] -= sizes[0]
            if _packs(sizes[1:], left):
                return True
    return False


@few
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    small=st.integers(4, 6),
    prices=st.tuples(st.integers(1, 5), st.integers(1, 9)),
)
def test_nothing_is_cheaper_than_the_bound_and_fit_is_no_cheaper_than_the_best(
    sizes, small, prices
):
    """Bound ≤ optimum by brute force ≤ what fit finds."""
    shapes = [(small, float(prices[0])), (9, float(prices[1]))]
    pools = Pools(
        pools=[
            PricedPool(name=f"pool{place}", cpu=cpu, memory="64Gi", price=price)
            for place, (cpu, price) in enumerate(shapes)
        ]
    )
    best = cheapest(sizes, shapes)
    policy = make_policy("best-fit")

    bound = problem_of(workload_of(sizes), pools, policy).bound()
    found = fit(workload_of(sizes), pools, policy, seed=0)

    assert bound <= best + 1e-9
    assert found.cost >= best - 1e-9
    assert found.optimal is (found.cost <= found.bound * (1 + 1e-6))


def test_last_places_are_those_after_the_last_move():
    """Bound, evicted and bound again; bound and deleted; never bound."""

    class Record:
        kind = np.array(
            [
                EventKind.ARRIVE, EventKind.BIND, EventKind.EVICT, EventKind.BIND,
                EventKind.BIND, EventKind.DELETE, EventKind.UNSCHEDULABLE,
                EventKind.NODE_REMOVE,
            ]
        )  # fmt: skip
        pod = np.array([0, 0, 0, 0, 1, 1, 2, -1])
        node = np.array([-1, 3, 3, 4, 5, 5, -1, 3])

    assert last_places(Record, 3).tolist() == [4, -1, -1]
