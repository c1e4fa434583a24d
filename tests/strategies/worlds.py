"""Whole worlds that fill up: many pods of few kinds, on nodes of few kinds.

Kinds are drawn. Who is of which kind, and what happens when, comes from a drawn seed:
so hundreds of nodes and pods cost few draws, and a world shrinks by its numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
from hypothesis import strategies as st

from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node, NodeSpec
from schedbench.objects.pod import (
    Affinity,
    Container,
    Pod,
    PodSpec,
    ResourceRequirements,
)
from schedbench.objects.taints import Taint
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from strategies.company import pod_affinities, spread_constraints
from strategies.node_objects import container_images, nodes
from strategies.other_objects import cluster_objects
from strategies.pod_objects import container_ports, pods
from strategies.selecting import node_affinities, tolerations
from strategies.words import EXTENDED, FEATURES, IMAGES, LABELS

HOST, ZONE, RACK = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"
RACKS = ("0", "1", "2", *map(str, range(40)))
ZONES = ("a", "b", "c", "", "d")
"""In the order in which a world has them; nodes of the empty one lack the label."""
FEATURE_SETS = ((), ("affinity",), ("spread",), ("images", "owners"), FEATURES)
ROOM = ("1", "2", "2", "4")
"""CPUs of a tight node, and of a node that changes its size."""


Places: TypeAlias = Mapping[str, Sequence[str]]
"""Label → the values that nodes of a world have of it."""


@st.composite
def worlds(
    draw: st.DrawFn,
    *,
    min_nodes: int = 1,
    max_nodes: int = 150,
    max_pods: int = 300,
    max_changes: int = 8,
    features: Sequence[Collection[str]] = FEATURE_SETS,
) -> Workload:
    """Draw a cluster, its pods and its node events.

    Parameters
    ----------
    features
        Sets of `FEATURES`, of which one is drawn.
    """
    chosen = draw(st.sampled_from(features))
    size = draw(st.integers(min_nodes, max_nodes))
    names = [f"node-{index}" for index in range(size)]
    kinds = [draw(node_kinds(chosen, is_open=True))]
    kinds += draw(st.lists(node_kinds(chosen), max_size=3))
    templates = [
        draw(pod_kinds(names[:3], f"kind-{index}", chosen))
        for index in range(draw(st.integers(1, 5)))
    ]
    places = {
        ZONE: ZONES[: draw(st.integers(1, len(ZONES)))],
        RACK: ("", *RACKS[: draw(st.sampled_from((1, 3, len(RACKS))))]),
    }
    horizon = draw(st.sampled_from((0, 5, 20)))
    churn = draw(st.sampled_from((0.0, 0.3, 0.8)))
    count = draw(st.integers(max_pods // 2, max_pods) | st.integers(1, max_pods))
    changes = draw(st.integers(0, max_changes))
    images = [draw(container_images())] if "images" in chosen else []
    objects = draw(cluster_objects(chosen)) if chosen else []
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cluster = [_dressed(rng, _one(rng, kinds), name, places) for name in names]
    stream = _stream(rng, templates, count, size, horizon, churn)
    past = _Past(rng, kinds, places, images, cluster)
    times = np.sort(rng.integers(0, horizon + 2, changes))
    events = [past.change(float(time)) for time in times]
    return Workload("world", cluster, stream, objects, node_events=events)


@st.composite
def node_kinds(
    draw: st.DrawFn, features: Collection[str] = (), *, is_open: bool = False
) -> Node:
    """Draw a node; `is_open` ones take any pod and have room for a few."""
    node = draw(nodes(features=features))
    if not is_open and draw(st.booleans()):
        return node
    node.status.allocatable |= {
        "cpu": draw(st.sampled_from(ROOM)),
        "memory": "16Gi",
        "pods": str(draw(st.integers(1, 5))),
    }
    return msgspec.structs.replace(node, spec=NodeSpec())


@st.composite
def pod_kinds(
    draw: st.DrawFn,
    node_names: Sequence[str],
    name: str,
    features: Collection[str] = (),
) -> Pod:
    """Draw a pod: one with anything, or a small one with a thing or two."""
    if draw(st.sampled_from((True, False, False))):
        return _by_rack(draw(pods(node_names, name=name, features=features)))
    cpu = draw(st.sampled_from(("0", "100m", "500m", "1", "1")))
    container = Container(resources=ResourceRequirements(requests={"cpu": cpu}))
    labels = {"app": draw(st.sampled_from(("web", "web", "db")))}
    pod = Pod(
        metadata=ObjectMeta(name=name, namespace="default", labels=labels),
        spec=PodSpec(containers=[container]),
    )
    if "priorities" in features:
        pod.spec.priority = draw(st.sampled_from((0, 0, 10, 100)))
    things = ["wishes", "tolerations", "port", "extended", "zone"]
    things += [one for one in ("affinity", "spread", "images") if one in features] * 3
    for thing in draw(st.lists(st.sampled_from(things), max_size=2, unique=True)):
        draw(_with(pod, thing, node_names, features))
    return _by_rack(default_pod(pod))


def _by_rack(pod: Pod) -> Pod:
    """Let every other term that looks at disks look at racks."""
    own = pod.spec.affinity or Affinity()
    terms: list[Any] = [*pod.spec.topology_spread_constraints]
    for side in (own.pod_affinity, own.pod_anti_affinity):
        if side is not None:
            terms += side.required_during_scheduling_ignored_during_execution
            terms += [
                wish.pod_affinity_term
                for wish in side.preferred_during_scheduling_ignored_during_execution
            ]
    for term in terms[::2]:
        if term.topology_key == "disk":
            term.topology_key = RACK
    return pod


@st.composite
def _with(
    draw: st.DrawFn,
    pod: Pod,
    thing: str,
    node_names: Sequence[str],
    features: Collection[str],
) -> None:
    """Give a pod a thing."""
    spec, container = pod.spec, pod.spec.containers[0]
    own = spec.affinity or Affinity()
    match thing:
        case "wishes":
            wishes = draw(node_affinities(node_names))
            spec.affinity = msgspec.structs.replace(own, node_affinity=wishes)
        case "affinity":
            terms = draw(pod_affinities(features))
            terms.node_affinity = own.node_affinity
            spec.affinity = terms
        case "spread":
            constraints = st.lists(spread_constraints(), min_size=1, max_size=3)
            spec.topology_spread_constraints = draw(constraints)
        case "tolerations":
            spec.tolerations = draw(st.lists(tolerations(), min_size=1, max_size=2))
        case "port":
            container.ports = [draw(container_ports())]
        case "extended":
            container.resources.requests[EXTENDED[0]] = 1
        case "zone":
            spec.node_selector = {ZONE: draw(st.sampled_from(LABELS[ZONE]))}
        case "images":
            container.image = draw(st.sampled_from(IMAGES))


def _stream(
    rng: np.random.Generator,
    templates: Sequence[Pod],
    count: int,
    nodes: int,
    horizon: int,
    churn: float,
) -> PodStream:
    """Make pods, some kinds of which are rare; few come bound."""
    shares = rng.dirichlet(np.full(len(templates), 0.7))
    arrival = np.sort(rng.integers(0, horizon + 1, count)).astype(float)
    ends = rng.choice((1.0, 2.0, 5.0, 11.0), (2, count))
    return PodStream.of(
        templates,
        rng.choice(len(templates), count, p=shares).astype(np.int32),
        arrival=arrival,
        duration=np.where(rng.random(count) < churn, ends[0], np.inf),
        deletion=arrival + np.where(rng.random(count) < churn / 4, ends[1], np.inf),
        node=np.where(rng.random(count) < 0.05, rng.integers(0, nodes, count), -1),
    )


def _one(rng: np.random.Generator, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def _dressed(rng: np.random.Generator, kind: Node, name: str, places: Places) -> Node:
    """Return a node of a kind, in some place; few lack the label of their name."""
    own = {key: _one(rng, values) for key, values in places.items()}
    own[HOST] = name if rng.random() > 0.03 else ""
    labels = {k: v for k, v in kind.metadata.labels.items() if k not in own}
    labels |= {key: value for key, value in own.items() if value}
    return _with_labels(kind, name, labels)


def _with_labels(node: Node, name: str, labels: dict[str, str]) -> Node:
    meta = ObjectMeta(name=name, labels=labels)
    return Node(metadata=meta, spec=node.spec, status=node.status)


class _Past:
    """The nodes as they were changed so far."""

    def __init__(
        self,
        rng: np.random.Generator,
        kinds: Sequence[Node],
        places: Places,
        images: Sequence[Any],
        cluster: Sequence[Node],
    ) -> None:
        self.rng, self.kinds, self.places, self.images = rng, kinds, places, images
        self.there = {node.metadata.name: node for node in cluster}
        self.gone = [f"node-{len(cluster)}", f"node-{len(cluster) + 1}"]

    def change(self, time: float) -> NodeEvent:
        """Let a node join, leave, come back or change."""
        change = _one(self.rng, ("add", "remove", "update", "update"))
        if (change == "add" and not self.gone) or not self.there:
            change = "update" if self.there else "add"
        if change == "add":
            name = self.gone.pop(int(self.rng.integers(len(self.gone))))
            node = _dressed(self.rng, _one(self.rng, self.kinds), name, self.places)
            self.there[name] = node
            return NodeEvent(time, "add", node)
        node = _one(self.rng, list(self.there.values()))
        name = node.metadata.name
        if change == "remove":
            del self.there[name]
            self.gone.append(name)
            return NodeEvent(time, "remove", node)
        self.there[name] = node = self._updated(node)
        return NodeEvent(time, "update", node)

    def _updated(self, node: Node) -> Node:
        """Return another version of a node."""
        name, rng, spec, status = node.metadata.name, self.rng, node.spec, node.status
        what = ["kind", "labels", "room", "taints", "cordon"] + ["images"] * bool(
            self.images
        )
        match _one(rng, what):
            case "kind":
                return _dressed(rng, _one(rng, self.kinds), name, self.places)
            case "labels":
                return _dressed(rng, node, name, self.places)
            case "room":
                sizes = status.allocatable | {"cpu": _one(rng, ROOM)}
                status = msgspec.structs.replace(status, allocatable=sizes)
            case "taints":
                effect = _one(rng, ("NoSchedule", "PreferNoSchedule"))
                taint = Taint(key="dedicated", value="gpu", effect=effect)
                taints = [] if spec.taints else [taint]
                spec = msgspec.structs.replace(spec, taints=taints)
            case "cordon":
                spec = msgspec.structs.replace(
                    spec, unschedulable=not spec.unschedulable
                )
            case "images":
                status = msgspec.structs.replace(status, images=self.images[0])
        return msgspec.structs.replace(node, spec=spec, status=status)
