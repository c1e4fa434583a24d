"""Nodes, clusters, and how they change."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import strategies as st

from schedbench.objects.defaults import default_node
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import ContainerImage, Node, NodeSpec, NodeStatus
from schedbench.objects.taints import Taint
from schedbench.objects.workload import NodeEvent
from strategies.amounts import cpu_quantities, memory_quantities
from strategies.selecting import labels, taints
from strategies.words import EXTENDED, GPU, IMAGES, LABELS, MODELS, rarely


@st.composite
def container_images(draw: st.DrawFn) -> list[ContainerImage]:
    """Draw what images a node has; sizes differ from node to node."""
    names = draw(st.lists(st.sampled_from(IMAGES), max_size=3, unique=True))
    sizes = st.sampled_from((0, 10, 60, 300, 900, 4000)).map(lambda mib: mib * 2**20)
    return [
        ContainerImage(
            names=[name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"],
            size_bytes=draw(sizes),
        )
        for name in names
    ]


@st.composite
def nodes(
    draw: st.DrawFn,
    name: str = "node-0",
    *,
    gpu: bool = False,
    features: Collection[str] = (),
) -> Node:
    """Draw a node; some are cordoned, tainted, tiny or without a resource."""
    usual = {
        "cpu": st.integers(1, 8).map(str) | cpu_quantities(8000),
        "memory": st.integers(1, 16).map("{}Gi".format) | memory_quantities(16),
        "pods": st.sampled_from(("110", "110", 4, 1, "0")),
    }
    rare = {
        "ephemeral-storage": st.integers(0, 3).map("{}Gi".format),
        EXTENDED[0]: st.integers(0, 3),
        EXTENDED[1]: st.sampled_from(("0", "4Mi", "16Mi")),
    }
    sizes = draw(st.fixed_dictionaries(usual, optional=rare))
    meta = ObjectMeta(name=name, labels=draw(labels()))
    meta.labels["kubernetes.io/hostname"] = name
    if gpu:
        sizes[f"{GPU}-count"] = str(draw(st.integers(0, 4)))
        if draw(st.booleans()):
            meta.labels[f"{GPU}-card-model"] = draw(st.sampled_from(MODELS))
    spec = NodeSpec(unschedulable=draw(rarely) and draw(rarely))
    if draw(rarely):
        spec.taints = draw(st.lists(taints(), max_size=2, unique_by=_taint_key))
    said = draw(st.sampled_from(("allocatable", "capacity")))
    status = NodeStatus(**{said: sizes})
    if features and not draw(rarely):
        key = "topology.kubernetes.io/zone"
        meta.labels.setdefault(key, draw(st.sampled_from(LABELS[key])))
    if "images" in features:
        status.images = draw(container_images())
    return default_node(Node(metadata=meta, spec=spec, status=status))


@st.composite
def clusters(
    draw: st.DrawFn,
    min_size: int = 1,
    max_size: int = 6,
    *,
    gpu: bool = False,
    features: Collection[str] = (),
) -> list[Node]:
    """Draw nodes node-0, node-1, …; often several alike, so that scores tie."""
    count = draw(st.integers(min_size, max_size))
    found: list[Node] = []
    for index in range(count):
        if found and draw(st.booleans()):
            found.append(_renamed(draw(st.sampled_from(found)), f"node-{index}"))
        else:
            found.append(draw(nodes(f"node-{index}", gpu=gpu, features=features)))
    return found


@st.composite
def node_events(
    draw: st.DrawFn,
    cluster: Sequence[Node],
    *,
    max_size: int = 5,
    gpu: bool = False,
    features: Collection[str] = (),
) -> list[NodeEvent]:
    """Draw changes in order of time; nodes join, change, leave and come back.

    An update takes no GPU device away.
    """
    count = f"{GPU}-count"
    devices = {n.metadata.name: n.status.allocatable.get(count, "0") for n in cluster}
    alive = [node.metadata.name for node in cluster]
    gone = [f"node-{len(alive)}", f"node-{len(alive) + 1}"]
    times = sorted(draw(st.lists(instants, max_size=max_size)))
    events = []
    for time in times:
        changes = ["add"] * bool(gone) + ["update", "remove"] * bool(alive)
        change = draw(st.sampled_from(changes))
        name = draw(st.sampled_from(gone if change == "add" else alive))
        if change == "add":
            gone.remove(name)
            alive.append(name)
        elif change == "remove":
            alive.remove(name)
            gone.append(name)
        node = draw(nodes(name, gpu=gpu, features=features))
        if gpu and change == "update":
            given = node.status.allocatable
            given[count] = str(max(int(given[count]), int(devices[name])))
        devices[name] = node.status.allocatable.get(count, "0")
        events.append(NodeEvent(time, change, node))
    return events


instants = st.integers(0, 10).map(float)


def _taint_key(taint: Taint) -> tuple[str, str]:
    return taint.key, taint.effect


def _renamed(node: Node, name: str) -> Node:
    twin_labels = node.metadata.labels | {"kubernetes.io/hostname": name}
    return Node(
        metadata=ObjectMeta(name=name, labels=twin_labels),
        spec=node.spec,
        status=node.status,
    )
