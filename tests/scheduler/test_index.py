"""The index against the scan: the same nodes, whatever changed in between."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from cases import make_node, make_pod
from hypothesis import given
from hypothesis import strategies as st

from schedbench.cluster.encode import encode
from schedbench.objects.node import Node
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.scheduler.index import arrays
from schedbench.scheduler.index.layout import BLOCK
from schedbench.scheduler.index.memory import BEHIND, Memory
from schedbench.scheduler.session import Session
from schedbench.simulation.record import Record
from schedbench.simulation.replay import Engine, replay

SPECS = (
    "kube-scheduler",
    "kube-scheduler[ties=first]",
    "most-allocated",
    "best-fit",
    "balanced",
    "first-fit",
)


def workload(
    nodes: int,
    pods: int,
    classes: int,
    seed: int,
    node_events: list[NodeEvent] | None = None,
) -> Workload:
    """Make pods of some classes in random order, some of which leave again."""
    rng = np.random.default_rng(seed)
    stream = PodStream.of(
        [make_pod(300 + 400 * index) for index in range(classes)],
        rng.integers(0, classes, pods).astype(np.int32),
        arrival=np.sort(rng.integers(0, pods // 4 + 1, pods)).astype(float),
        duration=np.where(rng.random(pods) < 0.5, rng.integers(1, 50, pods), np.inf),
    )
    made = [make_node(index) for index in range(nodes)]
    return Workload("test", made, stream, node_events=node_events or [])


def played(given: Workload, spec: str, engine: Engine) -> Record:
    """Play a workload by an engine."""
    return replay(encode(given), make_policy(spec), seed=3, engine=engine)


def log(record: Record) -> list[tuple[float, int, int, int]]:
    """Return time, kind, pod and node of each event."""
    columns = record.time, record.kind, record.pod, record.node
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("spec", SPECS)
@given(
    nodes=st.integers(1, 3 * BLOCK),
    pods=st.integers(1, 300),
    classes=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_the_index_places_as_a_scan(spec, nodes, pods, classes, seed):
    """Pods that come and go, of few classes, on up to three blocks of nodes."""
    made = workload(nodes, pods, classes, seed)

    assert log(played(made, spec, "indexed")) == log(played(made, spec, "scan"))


@pytest.mark.parametrize("spec", SPECS[:3])
def test_groups_of_blocks_are_compared(spec):
    """On 9,000 nodes there are three groups; all of them get pods."""
    made = workload(2 * BLOCK * BLOCK + 808, 3_000, 3, seed=1)
    found = played(made, spec, "indexed")

    assert found.digest == played(made, spec, "scan").digest
    assert found.digest == played(made, spec, "auto").digest


def test_nodes_that_come_and_go_are_seen():
    """A change of nodes lets every class begin anew."""
    nodes = [make_node(index) for index in range(100)]
    events = [
        NodeEvent(5.0, "remove", nodes[7]),
        NodeEvent(9.0, "add", make_node(500)),
        NodeEvent(20.0, "update", smaller(nodes[3])),
    ]
    made = workload(100, 400, 2, seed=2, node_events=events)

    assert log(played(made, "kube-scheduler", "indexed")) == log(
        played(made, "kube-scheduler", "scan")
    )


def smaller(node: Node) -> Node:
    """Return a node with less room."""
    room = {**node.status.allocatable, "cpu": "1"}
    status = msgspec.structs.replace(node.status, allocatable=room)
    return msgspec.structs.replace(node, status=status)


def session_of(made: Workload, spec: str) -> Session:
    """Return a policy at work on a workload."""
    encoded = encode(made)
    return Session(encoded, make_policy(spec).profile, 1)


def memory_of(made: Workload, spec: str, engine: str = "indexed") -> Memory:
    """Return what a policy's classes remember of a workload."""
    return Memory(session_of(made, spec), made.pods, engine)


def test_ties_that_go_round_are_not_indexed():
    """Round-robin begins where the last pod went; so it scans."""
    made = workload(300, 10, 2, seed=1)

    assert memory_of(made, "kube-scheduler").index.plan.able.all()
    assert memory_of(
        made, "kube-scheduler[percentageOfNodesToScore=50]"
    ).index.plan.able.all()
    assert not memory_of(made, "round-robin").index.plan.able.any()


def test_auto_indexes_classes_whose_pods_come_often():
    """A class is in it if less than a 16th of the nodes change between its pods."""
    nodes = 160
    often, rare = [0] * 90, [1] * 8
    stream = PodStream.of([make_pod(0), make_pod(1)], often + rare)
    made = Workload("test", [make_node(i) for i in range(nodes)], stream)
    of_each = session_of(made, "kube-scheduler").encoded.class_of[[0, -1]]

    def able(engine: str) -> list[bool]:
        plan = memory_of(made, "kube-scheduler", engine).index.plan
        return (plan.able[of_each] > 0).tolist()

    assert nodes // BEHIND == 10
    assert able("auto") == [True, False]
    assert able("indexed") == [True, True]
    assert able("scan") == [False, False]


def test_more_classes_than_rows_take_turns(monkeypatch):
    """Rows go to the classes used last; placements are a scan's."""
    made = workload(100, 600, 6, seed=5)
    nodes, blocks = 100, 2
    one_row = 12 * nodes + 8 * (1 + arrays.FEATURES + 3 * blocks + 2)
    monkeypatch.setattr(arrays, "MOST_BYTES", 2 * one_row)

    assert len(memory_of(made, "kube-scheduler").index.rows.holder) == 2
    assert log(played(made, "kube-scheduler", "indexed")) == log(
        played(made, "kube-scheduler", "scan")
    )
