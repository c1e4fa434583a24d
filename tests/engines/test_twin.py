"""Runs by every engine against the naive twin, with all plugins of the profile."""

from __future__ import annotations

import numpy as np
import pytest
import strategies
from engines import queue_worlds
from engines.amounts import examples
from engines.playing import Entry, played
from hypothesis import given
from hypothesis import strategies as st
from naive import queued as naive_queue
from naive.cycle import policy_of
from naive.handmade import asking, make_node, make_pod
from naive.profile import WHOLE, from_configuration
from naive.replay import replay as naive_replay
from naive.sampling import Sampler

from schedbench.objects.node import ContainerImage
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.simulation.replay import ENGINES

FEATURES = tuple(
    tuple(one for one in each if one != "images") for each in strategies.FEATURE_SETS
)
SMALL = {"max_nodes": 9, "max_pods": 35, "features": FEATURES}


def expected(workload: Workload) -> list[Entry]:
    """Return what happens according to the twin."""
    events = naive_replay(workload, policy_of(WHOLE, workload.objects))
    return [(e.time, e.kind, e.pod, e.node) for e in events]


def queued(workload: Workload, percentage: int = 100) -> list[Entry]:
    """Return what happens in the scheduling queue according to the twin.

    A configuration of the world's own says nothing of samples: they are adaptive.
    """
    if workload.scheduler_config is not None:
        percentage = 0
    profiles = from_configuration(workload.scheduler_config, whole=True)
    events = naive_queue.play(workload, profiles, percentage)
    return arrivals_first([tuple(one) for one in events])


def arrivals_first(log: list[Entry]) -> list[Entry]:
    """Return the arrivals in order, then the rest in order.

    In the compiled loop pods that come at one instant come and bind one by one.
    """
    return sorted(log, key=lambda entry: entry[1] != "ARRIVE")


@examples(1.2)
@given(strategies.worlds(**SMALL))
def test_engines_equal_the_naive_replay(workload: Workload) -> None:
    """Every event of a run by any engine is the twin's."""
    told = expected(workload)

    for engine in ENGINES:
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert log == told, engine


@examples(0.4)
@given(strategies.worlds(max_nodes=9, max_pods=35, max_changes=0))
def test_images_are_scored_as_the_twin_does(workload: Workload) -> None:
    """While no node changes, an image counts for all nodes that have it."""
    told = expected(workload)

    for engine in ENGINES:
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert log == told, engine


@examples(0.3)
@given(
    strategies.worlds(
        min_nodes=100, max_nodes=180, max_pods=40, features=(*FEATURES, ("spread",))
    ),
    st.sampled_from((0, 1, 30, 60, 99)),
)
def test_sampled_runs_equal_the_naive_replay(
    workload: Workload, percentage: int
) -> None:
    """Every event of a run that samples is the twin's."""
    sampler = Sampler(workload.nodes, percentage, WHOLE, workload.objects)
    told = [(e.time, e.kind, e.pod, e.node) for e in naive_replay(workload, sampler)]
    spec = f"kube-scheduler[ties=first,percentageOfNodesToScore={percentage}]"

    for engine in ("scan", "indexed"):
        assert played(workload, spec, engine).log == told, engine


@examples(0.8)
@given(queue_worlds.worlds(max_nodes=8, max_pods=35))
def test_engines_equal_the_naive_queue(workload: Workload) -> None:
    """Every event of a run in the scheduling queue is the twin's."""
    told = queued(workload)

    for engine in ENGINES:
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert arrivals_first(log) == told, engine


@examples(0.3)
@given(
    queue_worlds.worlds(min_nodes=100, max_nodes=140, max_pods=40),
    st.sampled_from((0, 1, 30, 60, 99)),
)
def test_sampled_runs_equal_the_naive_queue(
    workload: Workload, percentage: int
) -> None:
    """Every event of a run in the queue that samples is the twin's."""
    told = queued(workload, percentage)
    spec = f"kube-scheduler[ties=first,percentageOfNodesToScore={percentage}]"

    for engine in ("scan", "indexed"):
        assert arrivals_first(played(workload, spec, engine).log) == told, engine


def labelled(pod: Pod) -> Pod:
    """Give a pod the label that `SPREAD` counts."""
    pod.metadata.labels["app"] = "web"
    return pod


SPREAD = {
    "maxSkew": 1,
    "topologyKey": "disk",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "web"}},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pod_that_comes_bound_lets_a_waiting_one_fit(engine: str) -> None:
    """It fills the emptiest domain, so that the others may have one more."""
    nodes = [
        make_node(disk, cpu, labels={"disk": disk})
        for disk, cpu in (("hdd", "1"), ("ssd", "4"))
    ]
    bound, large = labelled(make_pod("bound")), asking("2")
    choosy = make_pod("choosy", containers=[large], topologySpreadConstraints=[SPREAD])
    stream = PodStream.of(
        [bound, labelled(choosy)],
        [0, 1, 0],
        arrival=np.array([0.0, 0.0, 1.0]),
        node=np.array([1, -1, 0], dtype=np.int32),
    )
    workload = Workload("bound", nodes, stream)

    log = played(workload, "kube-scheduler[ties=first]", engine).log

    assert log == expected(workload)
    assert log[-1] == (1.0, "BIND", 1, "ssd")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_node_that_leaves_lets_a_waiting_pod_fit(engine: str) -> None:
    """With it goes the emptiest domain, so that the others may have one more."""
    nodes = [
        make_node(disk, cpu, labels={"disk": disk})
        for disk, cpu in (("hdd", "1"), ("ssd", "4"))
    ]
    choosy = make_pod(
        "choosy", containers=[asking("1500m")], topologySpreadConstraints=[SPREAD]
    )
    stream = PodStream.of([labelled(choosy)], [0, 0])
    leaves = NodeEvent(1.0, "remove", nodes[0])
    workload = Workload("leaves", nodes, stream, node_events=[leaves])

    log = played(workload, "kube-scheduler[ties=first]", engine).log

    assert log == expected(workload)
    assert log[-1] == (1.0, "BIND", 1, "ssd")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_deletion_of_what_is_gone_keeps_no_queue_alive(engine: str) -> None:
    """A victim's own deletion, later, is no event until which others are tried."""
    low, high = (make_pod(name, containers=[asking("4")]) for name in ("low", "high"))
    high.spec.priority = 10
    stream = PodStream.of(
        [low, high],
        [0, 1, 0],
        arrival=np.array([0.0, 1.0, 3.0]),
        deletion=np.array([60.0, np.inf, np.inf]),
    )
    node = make_node("only")
    leaves = NodeEvent(2.0, "remove", node)
    workload = Workload(
        "gone", [node], stream, node_events=[leaves], queue="kube-scheduler"
    )

    log = played(workload, "kube-scheduler[ties=first]", engine).log

    assert arrivals_first(log) == queued(workload)
    assert log[-1][0] < 10.0


@pytest.mark.deep
@examples(0.1)
@given(strategies.worlds(max_nodes=25, max_pods=120, features=FEATURES))
def test_long_runs_equal_the_naive_replay(workload: Workload) -> None:
    """Every event is the twin's, with more nodes and more pods."""
    told = expected(workload)

    for engine in ("scan", "indexed"):
        log = played(workload, "kube-scheduler[ties=first]", engine).log
        assert log == told, engine


@pytest.mark.parametrize("engine", ENGINES)
def test_the_first_image_that_a_node_gets_counts(engine: str) -> None:
    """It comes by a change of the node; none had any before."""
    nodes = [make_node("small", "1", "16Gi"), make_node("large", "2", "16Gi")]
    container = asking("100m") | {"image": "app:1"}
    stream = PodStream.of(
        [make_pod("web", containers=[container])], [0], arrival=np.array([1.0])
    )
    pulled = make_node("small", "1", "16Gi")
    pulled.status.images = [ContainerImage(names=["app:1"], size_bytes=300 * 2**20)]
    event = NodeEvent(0.5, "update", pulled)
    workload = Workload(
        "pulled", nodes, stream, node_events=[event], queue="kube-scheduler"
    )

    log = arrivals_first(played(workload, "kube-scheduler[ties=first]", engine).log)

    assert log == queued(workload)
    assert log[-1] == (1.0, "BIND", 0, "small")


def test_each_try_in_vain_moves_the_sample() -> None:
    """Pods that name a full node look at it each; the next sample starts behind it."""
    nodes = [make_node(f"node-{i}", extra={"pods": "1"}) for i in range(124)]
    plain = make_pod("plain")
    term = {"key": "metadata.name", "operator": "In", "values": ["node-0"]}
    required = {"nodeSelectorTerms": [{"matchFields": [term]}]}
    choosy = make_pod(
        "choosy",
        affinity={
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}
        },
    )
    stream = PodStream.of([plain, choosy], [0, *6 * [1], *8 * [0]])
    workload = Workload("choosy", nodes, stream, queue="kube-scheduler")
    spec = "kube-scheduler[ties=first,percentageOfNodesToScore=0]"

    for engine in ("scan", "indexed"):
        log = arrivals_first(played(workload, spec, engine).log)
        assert log == queued(workload, 0), engine
