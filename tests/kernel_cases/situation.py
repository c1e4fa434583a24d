"""A pod to decide on beside pods on nodes, and how a case is told."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import strategies
from hypothesis import strategies as st
from naive import gpu
from naive.placed import Placed

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.layout import ClusterState
from schedbench.cluster.state import bind, copy_state
from schedbench.objects.defaults import default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.base import ScoreColumns, ScorePlugin
from schedbench.scheduler.profile import Profile, WeightedScore

INT64 = np.int64


class KernelCase(NamedTuple):
    """Kernels, what they compute of an input, the same naively, and the inputs."""

    kernels: tuple[Callable[..., Any], ...]
    inputs: st.SearchStrategy[Any]
    compute: Callable[[Any], Any]
    naive: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Situation:
    """A pod to decide on, and nodes with pods on them; as objects and as columns.

    Attributes
    ----------
    cut
        Kernels are run on the nodes before it and from it on, apart.
    """

    nodes: list[Node]
    pod: Pod
    placed: dict[str, list[Placed]]
    encoded: EncodedWorkload
    state: ClusterState
    cut: int

    @property
    def pods_on(self) -> list[list[Pod]]:
        """The pods of each node."""
        return [[one.pod for one in self.on(node)] for node in self.nodes]

    @property
    def views(self) -> list[gpu.View]:
        """What the naive GPU policies see of each node."""
        return [gpu.view(node, self.on(node)) for node in self.nodes]

    @property
    def largest(self) -> tuple[int, int]:
        """The greatest cpu and the greatest free GPU milli of empty nodes."""
        idle = [gpu.view(node, []) for node in self.nodes]
        cpu, milli = max(one.cpu for one in idle), max(one.idle for one in idle)
        return cpu or 1, milli or 1

    def on(self, node: Node) -> list[Placed]:
        """Return what is placed on a node."""
        return self.placed.get(node.metadata.name, [])

    def columns(self, plugin: ScorePlugin) -> ScoreColumns:
        """Return the columns of a profile with one score."""
        profile = Profile("case", (WeightedScore(plugin),))
        return profile.columns(self.encoded.resources, self.encoded.state)

    def over_nodes(self, kernel: Callable[[int, int, np.ndarray], Any]) -> list[int]:
        """Run `kernel(low, high, out)` on two ranges and return what it wrote."""
        out = np.zeros(len(self.nodes), dtype=np.int64)
        for low, high in ((0, self.cut), (self.cut, len(out))):
            kernel(low, high, out[low:high])
        return [int(value) for value in out]


@st.composite
def situations(
    draw: st.DrawFn, *, gpus: bool = False, ports: bool = False
) -> Situation:
    """Draw a situation; nodes may hold more than they have, as after an update.

    With `ports` every pod opens some.
    """
    nodes = draw(strategies.clusters(max_size=5, gpu=gpus))
    names = [node.metadata.name for node in nodes]
    pod = draw(strategies.pods(names, gpu=gpus))
    kinds = draw(st.lists(strategies.pods(names, gpu=gpus), min_size=1, max_size=3))
    opened = st.lists(strategies.container_ports(), min_size=1, max_size=2)
    for one in (pod, *kinds) if ports else ():
        one.spec.containers[0].ports = draw(opened)
        default_pod(one)
    places = st.tuples(st.integers(1, len(kinds)), st.integers(0, len(nodes) - 1))
    encoded = encode(Workload("case", nodes, PodStream.of([pod, *kinds])))
    state = copy_state(encoded.state)
    placed: dict[str, list[Placed]] = defaultdict(list)
    for kind, slot in draw(st.lists(places, max_size=8)):
        one, on_node = kinds[kind - 1], placed[names[slot]]
        if gpu.check(one, nodes[slot], on_node):
            continue
        wanted, seen = gpu.demand(one), gpu.view(nodes[slot], on_node)
        devices = gpu.best_devices(wanted, seen)
        bits = sum(1 << device for device in devices)
        bind(state, encoded.classes, int(encoded.class_of[kind]), slot, bits, 1)
        on_node.append(Placed(one, devices))
    cut = draw(st.integers(0, len(nodes)))
    return Situation(nodes, pod, placed, encoded, state, cut)


def passing(kernel: Callable[..., Any]) -> Callable[[Situation], list[bool]]:
    """Return where a filter kernel lets the pod pass."""

    def compute(situation: Situation) -> list[bool]:
        state, classes = situation.state, situation.encoded.classes
        bad = situation.over_nodes(
            lambda low, high, out: kernel(state, classes, 0, low, high, out)
        )
        return [value >= 0 for value in bad]

    return compute


def naive_passing(check: Callable[..., Any]) -> Callable[[Situation], list[bool]]:
    def compute(situation: Situation) -> list[bool]:
        return [
            not check(situation.pod, node, others)
            for node, others in zip(situation.nodes, situation.pods_on, strict=True)
        ]

    return compute
