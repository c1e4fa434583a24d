"""Pods before small clusters, for tests of nearest misses: drawn, and by objects."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import strategies
from hypothesis import strategies as st
from kernel_cases.domain_cases import FEATURES
from naive import cycle
from naive.handmade import asking, make_node, make_pod
from naive.placed import Placed
from naive.profile import WHOLE
from naive.world import World

from schedbench.objects.defaults import default_pod
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import (
    Pod,
)
from schedbench.objects.workload import PodStream, Workload
from schedbench.scheduler.nearest.misses import Miss
from schedbench.scheduler.profiles import read_profiles
from schedbench.scheduler.snapshot import take_snapshot

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


class Situation(NamedTuple):
    """A pod of one container before a cluster with pods on it."""

    nodes: list[Node]
    kinds: list[Pod]
    placed: list[tuple[int, int]]
    objects: list[KubernetesObject]
    pod: Pod

    def misses(self) -> list[Miss]:
        """Return the nearest misses that the columns find."""
        bound = [self.kinds[kind] for kind, _ in self.placed]
        slots = np.array([*(slot for _, slot in self.placed), -1], dtype=np.int32)
        stream = PodStream.of([*bound, self.pod], node=slots)
        workload = Workload("case", self.nodes, stream, self.objects)
        return take_snapshot(workload, len(bound), read_profiles(None), 0).misses()

    def feasible(self, pod: Pod) -> set[str]:
        """Return, by objects, the nodes on which a pod fits."""
        placed: dict[str, list[Placed]] = defaultdict(list)
        for kind, slot in self.placed:
            placed[self.nodes[slot].metadata.name].append(Placed(self.kinds[kind]))
        world = World(self.nodes, placed, self.objects)
        return set(cycle.attempt(pod, world, WHOLE).feasible)

    def opened(self, pod: Pod) -> set[str]:
        """Return the nodes on which a changed pod fits, and this one does not."""
        return self.feasible(pod) - self.feasible(self.pod)

    def names(self, miss: Miss) -> set[str]:
        """Return the names of the nodes that a miss would open."""
        return {self.nodes[slot].metadata.name for slot in miss.nodes}


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Draw a situation whose pod asks for cpu, memory, a port or less."""
    nodes = draw(strategies.clusters(max_size=6, features=FEATURES))
    names = [node.metadata.name for node in nodes]
    kind = strategies.pods(names, features=FEATURES)
    kinds = draw(st.lists(kind, min_size=1, max_size=3))
    place = st.tuples(st.integers(0, len(kinds) - 1), st.integers(0, len(nodes) - 1))
    placed = draw(st.lists(place, max_size=8))
    pod = draw(kind)
    spec = pod.spec
    spec.containers, spec.init_containers = spec.containers[:1], []
    spec.resources, spec.overhead = None, {}
    return Situation(
        nodes, kinds, placed, draw(strategies.cluster_objects(FEATURES)), pod
    )


@st.composite
def crowds(draw: st.DrawFn) -> Situation:
    """Draw a situation in which pods of one app get in each other's way."""
    zones = draw(st.lists(st.sampled_from("abc"), min_size=2, max_size=5))
    nodes = [zoned(f"n{i}", zone) for i, zone in enumerate(zones)]
    kinds = [draw(lookalikes()) for _ in range(2)]
    place = st.tuples(st.integers(0, 1), st.integers(0, len(nodes) - 1))
    placed = draw(st.lists(place, min_size=1, max_size=8))
    return Situation(nodes, kinds, placed, [], draw(lookalikes()))


@st.composite
def lookalikes(draw: st.DrawFn) -> Pod:
    """Draw a pod of one app: with hard constraints, a host port and anti-affinity."""
    app = {"matchLabels": {"app": "web"}}
    spread = [
        {
            "maxSkew": draw(st.integers(1, 2)),
            "topologyKey": key,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": app,
            "minDomains": draw(st.sampled_from((None, None, 2, 4))),
        }
        for key in draw(st.sampled_from(([ZONE], [HOST], [ZONE, HOST], [])))
    ]
    ports = draw(st.sampled_from(((), (80,), (80, 81))))
    term = {"topologyKey": HOST, "labelSelector": app}
    away = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    opened = [{"containerPort": port, "hostPort": port} for port in ports]
    pod = make_pod(
        containers=[asking("1") | {"ports": opened}],
        topologySpreadConstraints=spread,
        affinity={"podAntiAffinity": away} if draw(st.integers(0, 3)) == 3 else None,
    )
    pod.metadata.labels = {"app": "web"}
    return default_pod(pod)


def zoned(name: str, zone: str, **more: Any) -> Node:
    """Make a node in a zone."""
    return make_node(name, labels={ZONE: zone, HOST: name}, **more)
