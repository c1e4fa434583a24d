"""A world of columns with members of a pod group that want to get in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from schedbench.cluster.encode import encode
from schedbench.cluster.state import copy_state
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.scheduler.attempt import Attempt
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.engines import ENGINES, Turn
from schedbench.scheduler.pod_group_attempts import WorldAttempts
from schedbench.scheduler.pod_group_placements import Topology
from schedbench.scheduler.pod_group_types import Group, Outcome
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.profiles import read_profiles
from schedbench.scheduler.world import World


def node(name: str, cpu: int, zone: str = "a") -> Node:
    """Make a node."""
    document = {
        "metadata": {"name": name, "labels": {"zone": zone}},
        "status": {"allocatable": {"cpu": str(cpu), "memory": "8Gi", "pods": "10"}},
    }
    return default_node(msgspec.convert(document, Node))


def pod(name: str, cpu: int = 1, priority: int = 5, **spec: Any) -> Pod:
    """Make a pod."""
    container = {"name": "c", "resources": {"requests": {"cpu": str(cpu)}}}
    document = {
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"containers": [container], "priority": priority, **spec},
    }
    return default_pod(msgspec.convert(document, Pod))


ALL_NODES = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "percentageOfNodesToScore": 100,
}
"""Without sampling, members may be tried in batches."""


class Room:
    """A world with members that want to get in, and the pods on its nodes."""

    def __init__(
        self,
        nodes: Sequence[Node],
        members: Sequence[Pod],
        placed: Sequence[tuple[Pod, int]] = (),
        engine: str = "scan",
        tie: Tie = Tie.FIRST,
    ) -> None:
        pods = [*members, *(one for one, _ in placed)]
        encoded = encode(Workload("toy", list(nodes), PodStream.of(pods)))
        self.world = World(encoded, read_profiles(ALL_NODES, tie=tie), 0)
        self.members, self.classes = members, encoded.class_of.tolist()
        self.engine = ENGINES[engine]
        for index, (one, slot) in enumerate(placed, start=len(members)):
            self.world.put(PlacedPod(one, self.classes[index], slot))
        self.attempts = WorldAttempts(self.world, self.member)
        labels = [each.metadata.labels for each in nodes]
        self.topology = Topology(dict(enumerate(labels)))

    def member(self, index: int) -> Attempt:
        """Return the attempt at a member."""
        one, pod_class = self.members[index], self.classes[index]
        return Attempt(self.world, one, pod_class, self.engine, Turn(index), None)

    def group(self, need: int, **more: Any) -> Group[int]:
        """Return the group of all members."""
        return Group("g", need, range(len(self.members)), **more)

    def schedule(self, need: int, **more: Any) -> Outcome[int]:
        """Schedule the group."""
        self.world.look()
        return schedule_group(self.group(need, **more), self.attempts, self.topology)

    def columns(self) -> list[Any]:
        """Return a copy of everything that an attempt reads."""
        (session,) = self.world.sessions.values()
        state = copy_state(session.state)
        parts = {**state._asdict(), **state.domains._asdict()}
        del parts["domains"]
        return [*parts.values(), dict(self.world.nominated), dict(self.world.placed)]


def same(one: list[Any], other: list[Any]) -> bool:
    """Return whether two copies are equal."""
    return all(
        np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(one, other, strict=True)
    )
