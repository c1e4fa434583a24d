"""Preemption for a group as its proposal tells it: count the room on each node anew."""

from __future__ import annotations

from dataclasses import dataclass

from naive.pod_groups import Bunch, Cluster, schedule


@dataclass
class Unit:
    """Pods that go together, as (name, node, size), and what they are worth."""

    pods: list[tuple[str, int, int]]
    priority: int
    rank: int
    start: float
    guarded: bool = False

    def worth(self) -> tuple[float | str, ...]:
        """Return a key by which the worthier come first."""
        name = "default/" + self.pods[0][0]
        return -self.priority, -self.rank, -len(self.pods), self.start, name


def room_without(cluster: Cluster, gone: list[Unit]) -> list[int]:
    """Return the free room per node if these were gone."""
    free = list(cluster.free)
    for unit in gone:
        for _, node, size in unit.pods:
            free[node] += size
    return free


def who_goes(
    bunch: Bunch, cluster: Cluster, units: list[Unit], priority: int
) -> tuple[str, list[Unit], dict[str, int]]:
    """Return why nobody goes, or who goes and where the group's pods are to go."""
    lower = sorted((u for u in units if u.priority < priority), key=Unit.worth)
    if not lower:
        text = "No preemption victims found for incoming preemptor"
        return f"pod group preemption: {text}", [], {}
    told = schedule(bunch, cluster.but(room_without(cluster, lower)))
    if told.why is not None:
        return f"pod group preemption: {told.why}", [], {}
    sizes: dict[str, int] = all_sizes(bunch)
    gone = list(lower)
    for unit in sorted(lower, key=lambda one: not one.guarded):
        rest = [one for one in gone if one is not unit]
        free = room_without(cluster, rest)
        if fits_in_turn(told.where, sizes, free):
            gone = rest
    return "", gone, told.where


def fits_in_turn(where: dict[str, int], sizes: dict[str, int], free: list[int]) -> bool:
    """Return whether each pod has room when those before it are there."""
    for name, node in where.items():
        if free[node] < sizes[name]:
            return False
        free[node] -= sizes[name]
    return True


def all_sizes(bunch: Bunch) -> dict[str, int]:
    """Return the size of each pod."""
    sizes = dict(bunch.pods)
    for kid in bunch.kids or []:
        sizes |= all_sizes(kid)
    return sizes
