"""Pod groups in a run: popped together, placed together, making room together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey, group_of
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.scheduler.attempt import Outcome as Attempted
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
from schedbench.scheduler.pod_group_types import Outcome
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.queueing.entry import QueuedPod

if TYPE_CHECKING:
    from schedbench.simulation.queued.cluster import QueuedCluster


def make_table(objects: Iterable[KubernetesObject]) -> PodGroupTable:
    """Return the groups among API objects, without members."""
    table = PodGroupTable()
    for item in objects:
        if isinstance(item, PodGroup | CompositePodGroup):
            table.put(item)
    return table


def leaves(table: PodGroupTable, root: GroupKey) -> Iterator[GroupKey]:
    """Return the PodGroups under a group, or itself."""
    if not root.composite:
        yield root
    for child in table.children(root):
        yield from leaves(table, child)


class GroupCycle:
    """Tries groups of waiting pods, each as one.

    Parameters
    ----------
    cluster
        The cluster; after a cycle it is as before.
    attempt
        Tries a pod without making room, and counts the decision.
    """

    def __init__(
        self, cluster: QueuedCluster, attempt: Callable[[QueuedPod], Attempted]
    ) -> None:
        self.cluster = cluster
        self._attempts = WorldAttempts(cluster.world, attempt, self._who)

    def pop_others(self, popped: QueuedPod) -> dict[GroupKey, list[QueuedPod]]:
        """Pop all waiting members of the hierarchy of a popped pod: group → members."""
        cluster, table = self.cluster, self.cluster.groups
        own = group_of(popped.pod)
        assert own is not None
        root = table.root(own)
        assert root is not None
        waiting: dict[GroupKey, list[QueuedPod]] = {own: [popped]}
        for key in leaves(table, root):
            for pod in table.members(key):
                queued = cluster.queue.get(pod)
                if queued is not None and cluster.queue.pop_this(queued, cluster.now):
                    waiting.setdefault(key, []).append(queued)
        return waiting

    def _who(self, member: QueuedPod) -> tuple[Pod, int]:
        return member.pod, self.cluster.class_of(member)

    def run(
        self, waiting: dict[GroupKey, list[QueuedPod]]
    ) -> tuple[Outcome[QueuedPod], GroupPreemption[QueuedPod, PlacedPod] | None]:
        """Try a hierarchy; if it fails, find out who would have to go for it."""
        table, world = self.cluster.groups, self.cluster.world
        members = [queued for each in waiting.values() for queued in each]
        wrong = mismatch(queued.pod for queued in members)
        if wrong is not None:
            return Outcome(wrong, returned=dict.fromkeys(members, wrong)), None
        root_key = table.root(next(iter(waiting)))
        assert root_key is not None
        root = waiting_group(table, root_key, waiting, world.slots)
        nodes = self.cluster.session.nodes.objects
        labels = {int(s): nodes[s].metadata.labels for s in world.alive()}
        topology = Topology(labels)
        world.look()
        outcome = schedule_group(root, self._attempts, topology)
        for member, slot in reversed(outcome.placed.items()):
            self._attempts.undo(member, slot)
        if outcome.placed or outcome.refusal is None or outcome.refusal.error:
            return outcome, None
        first = members[0].pod
        settings = world.profile(first)
        if settings is None or not settings.runs("DefaultPreemption", "postFilter"):
            return outcome, None
        priority = table.priority(first)
        there = [
            one
            for queued in members
            if (wanted := world.nominated_slot(queued.pod)) is not None
            for one in world.on_node(wanted)
        ]
        why = ineligible(first.spec.preemption_policy, priority, there, table)
        if why:
            tell(outcome, why)
            return outcome, None
        placed = [one for slot in labels for one in world.on_node(slot)]
        victims = victims_of(placed, table)
        found = preempt_group(
            root, priority, victims, self._attempts, topology, world.budgets
        )
        if found.message:
            tell(outcome, found.message)
        return outcome, found
