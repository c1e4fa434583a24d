"""Pod groups in a run: popped together, placed together, making room together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod_groups import GroupKey, group_of
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.plugins.gpu_share import choose_devices
from schedbench.scheduler.attempt import Outcome as Attempted
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.narrowing import only
from schedbench.scheduler.pod_group_placements import Topology, most_allocated
from schedbench.scheduler.pod_group_preemption import (
    GroupPreemption,
    ineligible,
    preempt_group,
    tell,
    victims_of,
)
from schedbench.scheduler.pod_group_queue import mismatch, waiting_group
from schedbench.scheduler.pod_group_types import Outcome, Placement, Refusal
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.room import dry_run

if TYPE_CHECKING:
    from schedbench.simulation.queued.cluster import QueuedCluster

FULLNESS = {"cpu": 1, "memory": 1}
"""The resources by which places are compared, with NodeResourcesFit's weights."""


def make_table(objects: Iterable[KubernetesObject]) -> PodGroupTable:
    """Return the groups among API objects, without members."""
    table = PodGroupTable()
    for item in objects:
        if isinstance(item, PodGroup | CompositePodGroup):
            table.put(item)
    return table


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
        self._attempt = attempt
        self._nominated: dict[str, PlacedPod | None] = {}

    def pop_others(self, popped: QueuedPod) -> dict[GroupKey, list[QueuedPod]]:
        """Pop all waiting members of the hierarchy of a popped pod: group → members."""
        cluster, table = self.cluster, self.cluster.groups
        own = group_of(popped.pod)
        assert own is not None
        root = table.root(own)
        waiting: dict[GroupKey, list[QueuedPod]] = {own: [popped]}
        for queued in list(cluster.queue):
            key = group_of(queued.pod)
            if queued is popped or key is None or table.root(key) != root:
                continue
            if cluster.queue.pop_this(queued, cluster.now):
                waiting.setdefault(key, []).append(queued)
        return waiting

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
        outcome = schedule_group(root, self, topology)
        for member, slot in reversed(outcome.placed.items()):
            self.undo(member, slot)
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
        found = preempt_group(root, priority, victims, self, topology, world.budgets)
        if found.message:
            tell(outcome, found.message)
        return outcome, found

    def attempt(self, member: QueuedPod, within: Placement | None) -> int | Refusal:
        """Try a member on some nodes or all; if it fits, assume it."""
        session = self.cluster.world.session(member.pod)
        nodes = None if within is None else within.nodes
        with only(session, nodes):
            found = self._attempt(member)
        if found.chosen < 0 or found.error:
            text = found.error or found.text
            return Refusal(text, found.rejectors, error=bool(found.error))
        self._put(member, found.chosen)
        return found.chosen

    def assume(self, member: QueuedPod, slot: int) -> None:
        """Put a member where an attempt had put it."""
        self.cluster.world.volumes.reserve(member.pod, slot)
        self._put(member, slot)

    def undo(self, member: QueuedPod, slot: int) -> None:
        """Take a member off its node again."""
        del slot
        world = self.cluster.world
        world.take(member.key)
        world.volumes.unreserve(member.pod)
        self.cluster.groups.forget(member.pod)
        before = self._nominated.pop(member.key)
        if before is not None:
            world.nominated[member.key] = before
        self.cluster.version += 1

    def filled(self, within: Placement) -> int:
        """Return how full the nodes are, from 0 to 100."""
        state, names = self.cluster.session.state, self.cluster.encoded.resources
        nodes = np.array(within.nodes, dtype=np.int64)
        requested = state.requested[:, nodes].sum(axis=1).tolist()
        allocatable = state.allocatable[:, nodes].sum(axis=1).tolist()
        return most_allocated(
            dict(zip(names, requested, strict=True)),
            dict(zip(names, allocatable, strict=True)),
            FULLNESS,
        )

    def remove(self, placed: PlacedPod) -> None:
        """Take a pod away from its node."""
        self.cluster.world.take(placed.pod.key)
        self.cluster.version += 1

    def restore(self, placed: PlacedPod) -> None:
        """Put a pod back on its node."""
        self.cluster.world.put(placed)
        self.cluster.version += 1

    def fits(self, member: QueuedPod, slot: int) -> bool:
        """Return whether a member passes all filters on a node as it is now."""
        world = self.cluster.world
        settings = world.profile(member.pod)
        assert settings is not None
        pod_class = self.cluster.class_of(member)
        run = dry_run(world, settings, member.pod, pod_class)
        return run.refusal(slot) is None

    def _put(self, member: QueuedPod, slot: int) -> None:
        cluster, world = self.cluster, self.cluster.world
        pod_class = cluster.class_of(member)
        session = cluster.session
        classes = session.compiled.classes
        devices = choose_devices(session.state, classes, pod_class, slot)
        self._nominated[member.key] = world.nominated.get(member.key)
        world.put(PlacedPod(member.pod, pod_class, slot, cluster.now, int(devices)))
        cluster.groups.assume(member.pod, world.names[slot])
        cluster.version += 1
