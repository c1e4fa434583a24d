"""`capacity`: how many more pods fit, and what stops the next one."""

from __future__ import annotations

import json

import pytest
from cluster_documents import TAINT, node, pod, written

pytestmark = pytest.mark.slow


@pytest.fixture
def files(here):
    """A cluster of three nodes with 2, 8 and 4 CPUs free, the last one tainted."""
    cluster = written(
        here / "cluster.json",
        node("a"),
        node("b", cpu="8"),
        node("c", taints=[TAINT]),
        pod("one", "1", on="a"),
        pod("two", "1", on="a"),
        pod("waiting", "1"),
    )
    return cluster, here / "pod.json"


def ask(cli, files, document, *options):
    cluster, path = files
    path.write_text(json.dumps(document))
    return cli("capacity", cluster, "--pod", path, *options)


@pytest.mark.parametrize(
    ("wanted", "fits", "stopped"),
    [
        pytest.param(
            pod("new", "1500m"),
            1 + 5,
            "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: }, "
            "2 Insufficient cpu.",
            id="CPU",
        ),
        pytest.param(
            pod("new", "1500m", tolerations=[{"operator": "Exists"}]),
            1 + 5 + 2,
            "0/3 nodes are available: 3 Insufficient cpu.",
            id="it tolerates the taint",
        ),
        pytest.param(
            pod("new", "1m"),
            8 + 10,
            "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: }, "
            "2 Too many pods.",
            id="number of pods",
        ),
        pytest.param(
            pod("new", "100"),
            0,
            "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: }, "
            "2 Insufficient cpu.",
            id="it never fits",
        ),
    ],
)
def test_pods_come_until_one_fits_nowhere(cli, files, wanted, fits, stopped):
    """By hand: free resources of each node, rounded down."""
    found = ask(cli, files, wanted, "--json").document
    text = ask(cli, files, wanted)

    assert (found["fits"], found["stopped_by"]) == (fits, stopped)
    assert sum(each["nodes"] for each in found["reasons"]) == 3
    assert f"{fits:,} more of default/new fit on 3 nodes" in text.out
    assert stopped in text.out
    assert "1 pods that wait are left out" in text.err


def test_copies_that_avoid_each_other(cli, files):
    """Required anti-affinity over hosts: one a node, though more would fit."""
    term = {
        "labelSelector": {"matchLabels": {"app": "new"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    wanted = pod(
        "new",
        "10m",
        meta={"labels": {"app": "new"}},
        affinity={
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [term]
            }
        },
    )
    found = ask(cli, files, wanted, "--json").document

    assert (found["fits"], found["most_on_a_node"]) == (2, 1)
    assert "anti-affinity rules" in found["stopped_by"]


def test_no_more_are_tried_than_asked_for(cli, files):
    """Then nothing stopped them, and `at least` is said."""
    found = ask(cli, files, pod("new", "1m"), "--most", "5")
    document = ask(cli, files, pod("new", "1m"), "--most", "5", "--json").document

    assert found.out.startswith("at least 5 more of default/new")
    assert (document["fits"], document["stopped_by"]) == (5, None)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(node("x"), "expected one Pod: 'Node'", id="a node"),
        pytest.param(
            {"kind": "List", "items": [pod("x", "1"), pod("y", "1")]},
            "expected one Pod: 'Pod, Pod'",
            id="two pods",
        ),
        pytest.param(pod("x", "1", on="a"), "spec.nodeName", id="a bound pod"),
        pytest.param(pod("x", "NaN"), "NaN", id="no quantity"),
        pytest.param(
            pod("x", "1", schedulerName="mine"), "its profiles are", id="a scheduler"
        ),
        pytest.param(
            pod("x", "1", schedulingGates=[{"name": "g"}]), "gates", id="gates"
        ),
        pytest.param(
            pod("x", "1", priorityClassName="none"), "none", id="priority class"
        ),
        pytest.param(
            pod(
                "x",
                "1",
                volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
            ),
            "volumes",
            id="a claim",
        ),
    ],
)
def test_pods_that_cannot_be_copied(cli, files, document, words):
    """Exit code 2 and what is wrong."""
    found = ask(cli, files, document)

    assert (found.code, words in found.err) == (2, True)


def test_files_that_are_not_there(cli, files, here):
    """The missing one is named."""
    cluster, path = files
    path.write_text(json.dumps(pod("new", "1")))
    empty = written(here / "empty.json", pod("new", "1"))
    calls = {
        "nowhere.json": ("capacity", "nowhere.json", "--pod", path),
        "none.yaml": ("capacity", cluster, "--pod", "none.yaml"),
        "no.yaml": ("capacity", cluster, "--pod", path, "--config", "no.yaml"),
        "no nodes in the snapshot": ("capacity", empty, "--pod", path),
        "standard input": ("capacity", "-", "--pod", "-"),
    }
    for words, call in calls.items():
        found = cli(*call)

        assert (found.code, words in found.err) == (2, True)
