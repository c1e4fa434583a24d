"""Pod groups in a run: popped together, placed together, making room together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.defaults import priority_classes_by_name
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod_groups import (
    GroupKey,
    check_hierarchy,
    default_pod_group,
    group_of,
)
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.scheduler.attempt import Attempt
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.pod_group_attempts import WorldAttempts
from schedbench.scheduler.pod_group_placements import Topology
from schedbench.scheduler.pod_group_preemption import (
    GroupPreemption,
    ineligible,
    preempt_group,
    tell,
    victims_of,
)
from schedbench.scheduler.pod_group_queue import mismatch, waiting_group
from schedbench.scheduler.pod_group_types import Group, Outcome
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.queueing.entry import QueuedPod

if TYPE_CHECKING:
    from schedbench.simulation.queued.cluster import QueuedCluster

Members = dict[GroupKey, list[QueuedPod]]
Room = GroupPreemption[QueuedPod, PlacedPod]


def make_table(objects: Iterable[KubernetesObject]) -> PodGroupTable:
    """Return the groups among API objects, without members.

    Raises
    ------
    InputError
        If groups are each other's parents, or name a priority class that is not there.
    """
    table = PodGroupTable()
    classes = priority_classes_by_name(objects)
    groups = [one for one in objects if isinstance(one, PodGroup | CompositePodGroup)]
    check_hierarchy(groups)
    for group in groups:
        table.put(default_pod_group(group, classes))
    return table


def leaves(table: PodGroupTable, root: GroupKey) -> Iterator[GroupKey]:
    """Yield the PodGroups under a group, or itself."""
    if not root.composite:
        yield root
    for child in table.children(root):
        yield from leaves(table, child)


class GroupCycle:
    """Tries groups of waiting pods, each as one.

    Parameters
    ----------
    cluster
        The cluster; it is as before after a cycle, but for reserved volumes.
    member
        Makes an attempt at a member, which makes no room by itself.
    """

    def __init__(
        self, cluster: QueuedCluster, member: Callable[[QueuedPod], Attempt]
    ) -> None:
        self._cluster = cluster
        self._attempts = CountedAttempts(cluster, member)
        self._known: tuple[int, Topology] | None = None

    def pop_others(self, popped: QueuedPod) -> Members:
        """Pop all that wait of the hierarchy of a popped pod; return them by group."""
        queue, table = self._cluster.queue, self._cluster.groups
        own = group_of(popped.pod)
        assert own is not None
        root = table.root(own)
        assert root is not None
        waiting: Members = {own: [popped]}
        for key in leaves(table, root):
            for queued in queue.members(key):
                if queue.pop_this(queued, self._cluster.now):
                    waiting.setdefault(key, []).append(queued)
        return waiting

    def run(self, waiting: Members) -> tuple[Outcome[QueuedPod], Room]:
        """Try a hierarchy; if it fails, find out who would have to go for it."""
        table, world = self._cluster.groups, self._cluster.world
        members = [queued for each in waiting.values() for queued in each]
        wrong = mismatch(queued.pod for queued in members)
        if wrong is not None:
            returned = dict.fromkeys(members, wrong)
            return Outcome(wrong, returned=returned), GroupPreemption()
        world.look()
        root_key = table.root(next(iter(waiting)))
        assert root_key is not None
        root = waiting_group(table, root_key, waiting, world.slots)
        topology = self._topology()
        outcome = schedule_group(root, self._attempts, topology)
        self._attempts.release()
        room: Room = GroupPreemption()
        if outcome.refusal is not None and not outcome.refusal.error:
            room = self._make_room(root, members, topology)
            self._attempts.release()
        if room.message:
            tell(outcome, room.message)
        return outcome, room

    def _topology(self) -> Topology:
        """Return the nodes' labels, read anew after nodes changed."""
        changes = len(self._cluster.capacity_changes)
        if self._known is None or self._known[0] != changes:
            nodes = self._cluster.session.nodes.objects
            alive = self._cluster.world.alive().tolist()
            labels = {slot: nodes[slot].metadata.labels for slot in alive}
            self._known = changes, Topology(labels)
        return self._known[1]

    def _make_room(
        self, root: Group[QueuedPod], members: list[QueuedPod], topology: Topology
    ) -> Room:
        table, world = self._cluster.groups, self._cluster.world
        first = members[0].pod
        settings = world.profile(first)
        if settings is None or not settings.runs("DefaultPreemption", "postFilter"):
            return GroupPreemption()
        slots = [world.nominated_slot(queued.pod) for queued in members]
        there = [
            one for slot in slots if slot is not None for one in world.on_node(slot)
        ]
        priority = table.priority(first)
        why = ineligible(first.spec.preemption_policy, priority, there, table)
        if why:
            return GroupPreemption(why)
        placed = [one for slot in world.alive() for one in world.on_node(int(slot))]
        return preempt_group(
            root,
            priority,
            victims_of(placed, table),
            self._attempts,
            topology,
            world.budgets,
        )


class CountedAttempts(WorldAttempts[QueuedPod]):
    """Attempts that count as decisions of the run."""

    def __init__(
        self, cluster: QueuedCluster, member: Callable[[QueuedPod], Attempt]
    ) -> None:
        super().__init__(cluster.world, member)
        self._cluster = cluster

    def _decided(self, count: int, nanoseconds: int) -> None:
        self._cluster.count_all(count, nanoseconds)
