"""Pods of several groups arrive in any order: who is held, tried and bound."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from naive.pod_group_objects import group, pod
from naive.pod_group_world import FirstFit
from naive.pod_groups import Cluster

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey
from schedbench.plugins.gang_scheduling import GangScheduling
from schedbench.scheduler.pod_group_queue import waiting_group
from schedbench.scheduler.pod_group_types import Placement, Refusal
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.queueing.entry import QueuedPod


class Queued(FirstFit):
    """First fit for entries of the queue."""

    def attempt(self, member: Any, within: Placement | None) -> int | Refusal:
        """Put the pod on the first node with room."""
        return super().attempt(member.pod.metadata.name, within)

    def undo(self, member: Any, slot: int) -> None:
        """Give the room back."""
        super().undo(member.pod.metadata.name, slot)


class Scheduler:
    """Groups are tried whenever one of their pods arrives and none of them is held."""

    def __init__(self, room: list[int], needs: dict[str, int | None]) -> None:
        self.table = PodGroupTable()
        for name, need in needs.items():
            self.table.put(group(name, need))
        self.plugin = GangScheduling(self.table)
        self.waiting: dict[str, list[QueuedPod]] = {name: [] for name in needs}
        nodes = [{} for _ in room]
        self.world = Queued(Cluster(list(room), list(room), nodes), {})
        self.slots = {f"n{index}": index for index in range(len(room))}

    def arrive(self, new: Pod, name: str, size: int) -> None:
        """Let a pod come, and try its group."""
        self.table.add(new)
        self.world.sizes[new.metadata.name] = size
        self.waiting[name].append(QueuedPod(new, "kind"))
        if not all(self.plugin.admits(each.pod) for each in self.waiting[name]):
            return
        key = GroupKey("default", name)
        popped = {key: self.waiting[name]}
        tree = waiting_group(self.table, key, popped, self.slots)
        outcome = schedule_group(tree, self.world)
        for queued, slot in outcome.placed.items():
            self.table.assume(queued.pod, f"n{slot}")
        self.waiting[name] = list(outcome.returned)

    def bound(self) -> Counter[str]:
        """Return how many pods of each group are on nodes."""
        keys = ((name, GroupKey("default", name)) for name in self.waiting)
        return Counter({name: len(self.table.placed(key)) for name, key in keys})


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.lists(st.none() | st.integers(1, 4), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=14),
)
def test_no_gang_ever_runs_below_its_minimum(
    room: list[int], needs: list[int | None], arrivals: list[tuple[int, int]]
) -> None:
    """After every arrival each gang has none or at least its minimum on nodes."""
    named = {f"g{index}": need for index, need in enumerate(needs)}
    scheduler = Scheduler(room, named)
    seen = []
    for number, (index, size) in enumerate(arrivals):
        name = f"g{index % len(needs)}"
        scheduler.arrive(pod(f"p{number}", name), name, size)
        seen.append(scheduler.bound())
    taken = sum(size for _, size in arrivals) - sum(
        scheduler.world.sizes[each.pod.metadata.name]
        for waiting in scheduler.waiting.values()
        for each in waiting
    )

    assert all(
        count == 0 or count >= (named[name] or 1)
        for bound in seen
        for name, count in bound.items()
    )
    assert taken == sum(room) - sum(scheduler.world.cluster.free)


@given(st.permutations(range(12)))
def test_gangs_that_fit_all_run_whatever_the_order(order: list[int]) -> None:
    """With room for everybody all gangs run, however their pods are interleaved."""
    scheduler = Scheduler([12], {"g0": 3, "g1": 4, "g2": 5})
    groups = ["g0"] * 3 + ["g1"] * 4 + ["g2"] * 5
    for number in order:
        scheduler.arrive(pod(f"p{number}", groups[number]), groups[number], 1)

    assert scheduler.bound() == {"g0": 3, "g1": 4, "g2": 5}
