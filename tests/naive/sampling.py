"""Adaptive sampling: the node tree, the rotating start, and how many nodes suffice.

Where waiting pods are tried at once, a try in vain leaves start and list as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from naive import node_affinity
from naive.cycle import Decision, attempt
from naive.placed import Placed
from naive.profile import DEFAULT, Profile
from naive.world import World

from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent


def wanted(nodes: int, percentage: int) -> int:
    """Return how many feasible nodes suffice."""
    if nodes < 100:
        return nodes
    if percentage == 0:
        percentage = 50 - nodes // 125
        if percentage < 5:
            percentage = 5
    return min(nodes, max(100, nodes * percentage // 100))


def kept(
    nodes: Sequence[str], feasible: set[str], start: int, percentage: int
) -> tuple[list[str], int]:
    """Return the nodes that are scored, and how many were looked at."""
    found: list[str] = []
    enough = wanted(len(nodes), percentage)
    for seen in range(len(nodes)):
        node = nodes[(start + seen) % len(nodes)]
        if node in feasible and len(found) == enough:
            return found, seen
        if node in feasible:
            found.append(node)
    return found, len(nodes)


class Sampler:
    """A policy that takes the first of the best nodes of a sample."""

    def __init__(
        self,
        nodes: Sequence[Node],
        percentage: int,
        profile: Profile = DEFAULT,
        objects: Sequence[ApiObject] = (),
    ) -> None:
        self.percentage = percentage
        self.profile = profile
        self.objects = objects
        self.zones: list[tuple[str, list[str]]] = []
        self.listed: list[str] = []
        self.start = 0
        for node in nodes:
            self.join(node)

    def change(self, event: NodeEvent) -> None:
        """Let a node change."""
        if event.change == "remove":
            self.leave(event.node.metadata.name)
        else:
            self.join(event.node)

    def join(self, node: Node) -> None:
        """Put a node at the end of its zone, unless it is in it."""
        name, zone = node.metadata.name, _zone(node)
        if any(key == zone and name in names for key, names in self.zones):
            return
        self.leave(name)
        for key, names in self.zones:
            if key == zone:
                names.append(name)
                return
        self.zones.append((zone, [name]))

    def leave(self, name: str) -> None:
        """Take a node out of its zone; an empty zone is forgotten."""
        without = [
            (key, [other for other in names if other != name])
            for key, names in self.zones
        ]
        self.zones = [(key, names) for key, names in without if names]

    def current(self) -> list[str]:
        """Return the list as a try made now sees it."""
        everything = {name for _, names in self.zones for name in names}
        if everything == set(self.listed):
            return self.listed
        longest = max((len(names) for _, names in self.zones), default=0)
        return [
            names[turn]
            for turn in range(longest)
            for _, names in self.zones
            if turn < len(names)
        ]

    def __call__(
        self, pod: Pod, nodes: Sequence[Node], placed: Mapping[str, list[Placed]]
    ) -> tuple[str, tuple[int, ...]] | None:
        """Return a node and devices, or None."""
        world = World(nodes, placed, self.objects)
        decision, seen = self.attempt(pod, world, self.profile)
        if not decision.best:
            return None
        self.move(seen)
        return decision.best[0], decision.devices

    def attempt(self, pod: Pod, world: World, profile: Profile) -> tuple[Decision, int]:
        """Return what a try finds, and how many nodes it looks at."""
        listed, seen = self.current(), 0

        def sample(feasible: list[str]) -> list[str]:
            nonlocal seen
            named = node_affinity.named_nodes(pod)
            candidates = [n for n in listed if named is None or n in named]
            some, seen = kept(candidates, set(feasible), self.start, self.percentage)
            return [name for name in feasible if name in some]

        return attempt(pod, world, profile, sample), seen

    def move(self, seen: int) -> None:
        """Let the next try begin behind the nodes that one looked at."""
        self.listed = self.current()
        self.start = (self.start + seen) % len(self.listed)


def _zone(node: Node) -> str:
    labels = node.metadata.labels
    beta, stable = "failure-domain.beta.kubernetes.io", "topology.kubernetes.io"
    parts = [
        labels.get(f"{beta}/{part}", labels.get(f"{stable}/{part}", ""))
        for part in ("region", "zone")
    ]
    return ":\0:".join(parts)
