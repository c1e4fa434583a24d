"""The one pass over the nodes for pods that ask for cpu and memory."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import strategies
from hypothesis import strategies as st
from naive import cycle, fit
from naive.placed import Placed
from naive.resources import allocatable, pod_requests

from kernel_cases.cycle_cases import split_mix
from kernel_cases.situation import KernelCase
from schedbench.cluster.encode import encode
from schedbench.cluster.state import bind
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec
from schedbench.objects.taints import Taint
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.arithmetic import NARROW, percent
from schedbench.plugins.base import ScoreKind
from schedbench.plugins.node_resources_fit import fit_score
from schedbench.policies.registry import make_policy
from schedbench.scheduler.fused import (
    NOT_PLAIN,
    greatest,
    is_plain,
    nth,
    occurrences,
    rate,
    scan,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.session import Session


class PlainPods(NamedTuple):
    """A plain pod to decide on, and pods (kind, node slot) that are there."""

    nodes: list[Node]
    kinds: list[Pod]
    placed: list[tuple[int, int]]
    tie: Tie
    seed: int
    counter: int
    cursor: int


@st.composite
def _models(draw: st.DrawFn) -> Node:
    """Draw a node; it may lack cpu or memory, be tainted, or be too large."""
    cpu = st.sampled_from(["0", "1", "2", "3500m", "64"])
    memory = st.sampled_from(["0", "1Gi", "3Gi", "7777777777", "16Ti", "64Ti"])
    offered = {
        "cpu": draw(cpu),
        "memory": draw(memory),
        "pods": draw(st.sampled_from(["1", "3", "110"])),
    }
    taints = [Taint(key="down", effect="NoSchedule")] if draw(st.booleans()) else []
    return default_node(
        Node(
            metadata=ObjectMeta(name="model"),
            spec=NodeSpec(taints=taints),
            status=NodeStatus(capacity=offered, allocatable=offered),
        )
    )


@st.composite
def plain_pods(draw: st.DrawFn) -> PlainPods:
    """Draw nodes, many of them alike, and kinds of pods with some on the nodes."""
    kinds = draw(st.lists(_plain_pod(), min_size=1, max_size=3))
    models = draw(st.lists(_models(), min_size=1, max_size=3))
    size = draw(st.integers(1, 7) | st.sampled_from((40, 200)))
    nodes = [
        default_node(
            Node(
                metadata=ObjectMeta(name=f"node-{slot}"),
                spec=models[slot % len(models)].spec,
                status=models[slot % len(models)].status,
            )
        )
        for slot in range(size)
    ]
    place = st.tuples(st.integers(0, len(kinds) - 1), st.integers(0, size - 1))
    return PlainPods(
        nodes,
        kinds,
        draw(st.lists(place, max_size=12)),
        draw(st.sampled_from(Tie)),
        draw(st.integers(0, 2**32)),
        draw(st.integers(0, 1000)),
        draw(st.integers(0, size - 1)),
    )


@st.composite
def _plain_pod(draw: st.DrawFn) -> Pod:
    container = Container(name="c", resources=draw(strategies.resources()))
    for asked in (container.resources.requests, container.resources.limits):
        for name in set(asked) - {"cpu", "memory"}:
            del asked[name]
    return default_pod(
        Pod(
            metadata=ObjectMeta(name="pod", namespace="default"),
            spec=PodSpec(containers=[container]),
        )
    )


def _session(drawn: PlainPods) -> tuple[Session, int]:
    encoded = encode(Workload("case", drawn.nodes, PodStream.of(drawn.kinds)))
    ties = drawn.tie.name.lower()
    profile = make_policy(f"kube-scheduler[ties={ties}]").profile
    session = Session(encoded, profile, drawn.seed)
    for kind, slot in drawn.placed:
        pod_class = int(encoded.class_of[kind])
        bind(session.state, session.compiled.classes, pod_class, slot, 0, 1)
    return session, int(encoded.class_of[0])


def _scanned(drawn: PlainPods) -> tuple[int, list[bool]]:
    """Return the node, and where there is none the verdicts."""
    session, pod_class = _session(drawn)
    found = scan(
        session.state,
        session.compiled,
        pod_class,
        drawn.counter,
        drawn.cursor,
        session.scratch,
    )
    bad = session.scratch.bad
    return int(found), [bool(b >= 0) for b in bad] if found == -1 else []


def _naively_scanned(drawn: PlainPods) -> tuple[int, list[bool]]:
    large = any(allocatable(node)["memory"] >= NARROW for node in drawn.nodes)
    asked = pod_requests(drawn.kinds[0])
    if large or not (asked.get("cpu") or asked.get("memory")):
        return NOT_PLAIN, []
    node = naively_chosen(drawn)
    return node, [False] * len(drawn.nodes) if node < 0 else []


def naively_chosen(drawn: PlainPods) -> int:
    """Return the node of the first kind; −1 if there is none."""
    placed: dict[str, list[Placed]] = defaultdict(list)
    for kind, slot in drawn.placed:
        placed[drawn.nodes[slot].metadata.name].append(Placed(drawn.kinds[kind]))
    found = cycle.schedule(drawn.kinds[0], drawn.nodes, placed)
    slots = {node.metadata.name: slot for slot, node in enumerate(drawn.nodes)}
    best = [slots[name] for name in found.best]
    if not best:
        return -1
    if drawn.tie == Tie.NEXT:
        return next((slot for slot in best if slot >= drawn.cursor), best[0])
    if drawn.tie == Tie.RANDOM:
        session, _ = _session(drawn)
        key = session.compiled.choice.key
        return best[split_mix(key, drawn.counter, len(best))]
    return best[0]


def _least(drawn: PlainPods) -> list[int]:
    session, pod_class = _session(drawn)
    columns = session.profile.columns(session.encoded.resources, session.state)
    k = columns.kind.tolist().index(ScoreKind.LEAST_ALLOCATED)
    score, helper = session.scratch.score, session.scratch.helper
    classes = session.compiled.classes
    fit_score(
        session.state, classes, columns, k, pod_class, 0, len(score), score, helper
    )
    return [int(value) for value in score]


def _naively_least(drawn: PlainPods) -> list[int]:
    others: list[list[Pod]] = [[] for _ in drawn.nodes]
    for kind, slot in drawn.placed:
        others[slot].append(drawn.kinds[kind])
    return fit.raw(drawn.kinds[0], drawn.nodes, others, fit.LEAST_ALLOCATED)


def _percents() -> st.SearchStrategy[tuple[int, int]]:
    """Draw parts of a whole, most of them next to a whole percentage."""
    whole = st.integers(1, NARROW - 1) | st.integers(NARROW - 200, NARROW - 1)
    near = st.tuples(whole, st.integers(0, 100), st.integers(-2, 2)).map(
        lambda drawn: (drawn[0] * drawn[1] // 100 + drawn[2], drawn[0])
    )
    other = whole.flatmap(lambda most: st.tuples(st.integers(0, most), st.just(most)))
    return (near | other).filter(lambda pair: 0 <= pair[0] <= pair[1])


_POINTS = st.tuples(
    st.lists(st.integers(0, 3), min_size=1, max_size=400),
    st.integers(0, 3),
    st.integers(0, 150),
)


def _points_told(drawn: tuple[list[int], int, int]) -> tuple[int, int, int]:
    points, value = np.array(drawn[0], dtype=np.int32), np.int32(drawn[1])
    most, often = greatest(points), occurrences(points, value)
    return int(most), int(often), int(nth(points, value, drawn[2]))


def _points_naively(drawn: tuple[list[int], int, int]) -> tuple[int, int, int]:
    points, value, wanted = drawn
    places = [place for place, point in enumerate(points) if point == value]
    place = places[wanted] if wanted < len(places) else -1
    return max(points), len(places), place


CASES = {
    "scan of plain pods": KernelCase(
        (scan, is_plain, rate), plain_pods(), _scanned, _naively_scanned
    ),
    "LeastAllocated of large and small nodes": KernelCase(
        (fit_score,), plain_pods(), _least, _naively_least
    ),
    "percent": KernelCase(
        (percent,),
        _percents(),
        lambda pair: int(percent(*pair)),
        lambda pair: 100 * pair[0] // pair[1],
    ),
    "points": KernelCase(
        (greatest, occurrences, nth), _POINTS, _points_told, _points_naively
    ),
}
