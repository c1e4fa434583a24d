"""A small cluster of one resource for group cycles: first fit, and everything undone.

It checks that undoing goes backwards, and counts the attempts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from naive.pod_groups import Bunch, Cluster

from schedbench.scheduler.pod_group_types import Attempts, Group, Placement, Refusal

PLUGIN = frozenset({"NodeResourcesFit"})


@dataclass
class FirstFit(Attempts[str]):
    """Attempts on free room per node; what is assumed is a stack."""

    cluster: Cluster
    sizes: dict[str, int]
    assumed: list[tuple[str, int]] = field(default_factory=list)
    count: int = 0

    def attempt(self, member: str, within: Placement | None) -> int | Refusal:
        """Put the member on the first node with room."""
        self.count += 1
        if member in self.cluster.broken:
            return Refusal("broken", error=True)
        free = self.cluster.free
        nodes = range(len(free)) if within is None else within.nodes
        for slot in nodes:
            if free[slot] >= self.sizes[member]:
                self.assume(member, slot)
                return slot
        return Refusal(f"no room for {member}", PLUGIN)

    def assume(self, member: str, slot: int) -> None:
        """Take the room."""
        assert self.cluster.free[slot] >= self.sizes[member]
        self.cluster.free[slot] -= self.sizes[member]
        self.assumed.append((member, slot))

    def undo(self, member: str, slot: int) -> None:
        """Give the room back, the last taken first."""
        assert self.assumed.pop() == (member, slot)
        self.cluster.free[slot] += self.sizes[member]

    def filled(self, within: Placement) -> int:
        """Return the share of the room that is taken, in percent."""
        room = sum(self.cluster.room[slot] for slot in within.nodes)
        free = sum(self.cluster.free[slot] for slot in within.nodes)
        return (room - free) * 100 // room if room else 0


def as_group(bunch: Bunch) -> Group[str]:
    """Return the group that the group cycle takes."""
    return Group(
        key=bunch.name,
        min_count=bunch.need,
        members=[name for name, _ in bunch.pods],
        bound=bunch.there,
        children=[as_group(kid) for kid in bunch.kids or []],
        composite=bunch.kids is not None,
        topology=bunch.label,
        nominated=bunch.wishes,
    )


def sizes_of(bunch: Bunch) -> dict[str, int]:
    """Return the sizes of all pods of a group."""
    sizes = dict(bunch.pods)
    for kid in bunch.kids or []:
        sizes |= sizes_of(kid)
    return sizes


@st.composite
def clusters(draw: Any, broken: bool = False) -> Cluster:
    """Draw up to six nodes in up to three zones of two racks, some without labels."""
    room = draw(st.lists(st.integers(0, 6), min_size=1, max_size=6))
    labels = []
    for _ in room:
        zone = draw(st.sampled_from(["a", "b", "c", None]))
        rack = draw(st.sampled_from(["1", "2", None]))
        named = {"zone": zone, "rack": zone and rack and zone + rack}
        labels.append({key: value for key, value in named.items() if value})
    free = [draw(st.integers(0, most)) for most in room]
    names = {f"g{index}-0" for index in range(3)} if broken else set()
    bad = draw(st.sets(st.sampled_from(sorted(names)), max_size=1)) if names else set()
    return Cluster(free, room, labels, bad)


def leaves(nodes: int, name: str, labels: tuple[str | None, ...]) -> Any:
    """Draw a group of up to five pods on a cluster of so many nodes."""
    slots = st.integers(0, nodes - 1)

    def build(
        sizes: list[int], need: int, there: list[int], label: str | None, wish: Any
    ) -> Bunch:
        pods = [(f"{name}-{index}", size) for index, size in enumerate(sizes)]
        wishes = {pods[0][0]: wish} if pods and wish is not None else {}
        return Bunch(name, need, pods, there, None, label, wishes)

    return st.builds(
        build,
        st.lists(st.integers(0, 4), max_size=5),
        st.integers(1, 5),
        st.lists(slots, max_size=2),
        st.sampled_from(labels),
        st.none() | slots,
    )


@st.composite
def trees(draw: Any, nodes: int) -> Bunch:
    """Draw a group of groups; one of them may be a group of groups itself."""
    kids = [draw(leaves(nodes, f"g{n}", (None, "rack"))) for n in range(3)]
    if draw(st.booleans()):
        inner = Bunch("inner", draw(st.integers(1, 2)), kids=kids[1:])
        kids = [kids[0], inner]
    label = draw(st.sampled_from([None, "zone"]))
    return Bunch("top", draw(st.integers(1, 3)), kids=kids, label=label)


@st.composite
def scenes(draw: Any) -> tuple[Cluster, Bunch]:
    """Draw a cluster and a group, or a group of groups, for it."""
    cluster = draw(clusters(broken=draw(st.booleans())))
    nodes = len(cluster.room)
    one = leaves(nodes, "g0", (None, "zone", "rack"))
    return cluster, draw(one | trees(nodes))
