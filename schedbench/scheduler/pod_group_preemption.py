"""Preemption for a whole pod group: who must go so that it gets in.

All victims of lower priority are removed from the whole cluster at once; if the group
can then be scheduled, victims are given back one after the other, the most important
first, as long as every member still passes on the node it was given. Those whose
eviction breaks a disruption budget come before the rest. What cannot be given back is
evicted, and the members are nominated to their nodes.

A victim is a pod, or all pods of a group on nodes where the group or one above it has
the disruption mode `all`; of several such groups the topmost counts. Its priority is
that of the topmost group.

Decided here: among equals the name of the first pod decides (upstream: its uid); what
preemption has to say is added to the reason of all members that have the group's.

Source: kubernetes (after v1.34, KEP-5710) pkg/scheduler/framework/preemption
(podgrouppreemption.go, types.go, util.go).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey, evicted_as_one, group_of
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.scheduler.pod_group_placements import Topology
from schedbench.scheduler.pod_group_types import (
    Attempts,
    Group,
    M,
    M_contra,
    Outcome,
    Refusal,
)
from schedbench.scheduler.pod_groups import schedule_group
from schedbench.scheduler.preemption import (
    NEVER,
    TERMINATING,
    protects,
    was_evicted,
)

NO_VICTIMS = "No preemption victims found for incoming preemptor"
PREFIX = "pod group preemption: "


class OnNode(Protocol):
    """A pod on a node; `start` is when it started in seconds, infinite if it has not.

    `PlacedPod` is one.
    """

    @property
    def pod(self) -> Pod:
        """The pod."""

    @property
    def slot(self) -> int:
        """The node's slot."""

    @property
    def start(self) -> float:
        """When it started."""


P = TypeVar("P", bound=OnNode)
P_contra = TypeVar("P_contra", bound=OnNode, contravariant=True)


class Rehearsal(Attempts[M_contra], Protocol[M_contra, P_contra]):
    """Attempts on a cluster from which pods can be taken away for a while."""

    def remove(self, placed: P_contra) -> None:
        """Take a pod away from its node."""

    def restore(self, placed: P_contra) -> None:
        """Put a pod back on its node."""

    def fits(self, member: M_contra, slot: int) -> bool:
        """Return whether a member passes all filters on a node as it is now."""

    def all_fit(self, placed: Sequence[tuple[M_contra, int]]) -> bool:
        """Return whether each member passes where it was put, given those before it."""
        done = []
        for member, slot in placed:
            if not self.fits(member, slot):
                break
            self.assume(member, slot)
            done.append((member, slot))
        self.undo_all(done)
        return len(done) == len(placed)

    def apart(self, members: Collection[M_contra]) -> bool:
        """Return whether only the pods on a node decide if a member passes there."""
        return False


@dataclasses.dataclass(frozen=True, slots=True)
class Victim(Generic[P]):
    """Pods that are evicted together.

    Attributes
    ----------
    pods
        The pods, in node order.
    priority
        What counts for all of them.
    rank
        0 for a pod, 1 for a PodGroup or a pod of one, 2 for a CompositePodGroup.
    """

    pods: tuple[P, ...]
    priority: int
    rank: int = 0

    @property
    def importance(self) -> tuple[float | str, ...]:
        """A key by which more important victims come first."""
        start = min(placed.start for placed in self.pods)
        name = self.pods[0].pod.key
        return -self.priority, -self.rank, -len(self.pods), start, name


@dataclasses.dataclass(frozen=True, slots=True)
class GroupPreemption(Generic[M, P]):
    """What came of trying to make room for a group.

    Attributes
    ----------
    message
        Why nobody goes; empty if the group would get in.
    victims
        Who goes, the most important first.
    nominated
        Member → slot of the node that it is nominated to.
    violations
        How many victims break a disruption budget.
    """

    message: str = ""
    victims: Sequence[Victim[P]] = ()
    nominated: dict[M, int] = dataclasses.field(default_factory=dict)
    violations: int = 0


def victims_of(placed: Iterable[P], groups: PodGroupTable) -> list[Victim[P]]:
    """Return the pods on nodes, as the units in which they are evicted.

    Parameters
    ----------
    placed
        All pods on nodes, in node order.
    groups
        The groups that they belong to.
    """
    units: dict[Hashable, list[P]] = {}
    for one in placed:
        units.setdefault(_unit(one.pod, groups) or id(one), []).append(one)
    return [
        Victim(tuple(pods), groups.priority(pods[0].pod), _rank(key, pods[0].pod))
        for key, pods in units.items()
    ]


def ineligible(
    policy: str | None, priority: int, nominated: Iterable[P], groups: PodGroupTable
) -> str:
    """Return why a group may not evict others, empty if it may.

    Parameters
    ----------
    policy
        The preemption policy of its pods.
    priority
        Its priority.
    nominated
        The pods on the nodes that members are nominated to: if one of lower priority
        is going because of an earlier preemption, the group waits for that.
    """
    if policy == "Never":
        return PREFIX + NEVER
    for one in nominated:
        if groups.priority(one.pod) < priority and was_evicted(one.pod):
            return PREFIX + TERMINATING
    return ""


def preempt_group(
    root: Group[M],
    priority: int,
    victims: Iterable[Victim[P]],
    rehearsal: Rehearsal[M, P],
    topology: Topology | None = None,
    budgets: Sequence[PodDisruptionBudget] = (),
) -> GroupPreemption[M, P]:
    """Find out who would have to go for a group that was rejected.

    Nothing is changed. The cost is one attempt at the group, and for each victim of
    lower priority a check of its members up to the first that does not pass; only of
    those on the victim's nodes, if they are `apart`.
    """
    lower = [one for one in victims if one.priority < priority]
    if not lower:
        return GroupPreemption(PREFIX + NO_VICTIMS)
    for victim in lower:
        _remove(victim, rehearsal)
    outcome = schedule_group(root, rehearsal, topology)
    rehearsal.undo_all(outcome.placed.items())
    if outcome.refusal is not None:
        for victim in reversed(lower):
            _restore(victim, rehearsal)
        return GroupPreemption(PREFIX + outcome.refusal.message)
    lower.sort(key=lambda one: one.importance)
    violating = _breaking(lower, budgets)
    gone = []
    apart = _by_node(outcome, rehearsal)
    for victim in sorted(lower, key=lambda one: id(one) not in violating):
        _restore(victim, rehearsal)
        if apart is None:
            concerned = list(outcome.placed.items())
        else:
            slots = {placed.slot for placed in victim.pods} & apart.keys()
            concerned = [one for slot in slots for one in apart[slot]]
        if not rehearsal.all_fit(concerned):
            _remove(victim, rehearsal)
            gone.append(victim)
    for victim in gone:
        _restore(victim, rehearsal)
    gone.sort(key=lambda one: one.importance)
    broken = sum(id(victim) in violating for victim in gone)
    return GroupPreemption("", gone, outcome.placed, broken)


def tell(outcome: Outcome[M], message: str) -> None:
    """Add what preemption says to the reason of a group that failed."""
    why = outcome.refusal
    if why is None:
        return
    told: Refusal = dataclasses.replace(why, message=f"{why.message}, {message}")
    outcome.refusal = told
    outcome.returned = {
        member: told if found is why else found
        for member, found in outcome.returned.items()
    }


def _unit(pod: Pod, groups: PodGroupTable) -> GroupKey | None:
    """Return the topmost group above a pod whose pods are evicted as one."""
    key = group_of(pod)
    line = () if key is None else groups.ancestry(key)
    found = None
    for each in line:
        group = groups.get(each)
        if group is not None and evicted_as_one(group):
            found = each
    return found


def _rank(unit: Hashable, pod: Pod) -> int:
    if isinstance(unit, GroupKey):
        return 2 if unit.composite else 1
    return 0 if group_of(pod) is None else 1


def _remove(victim: Victim[P], rehearsal: Rehearsal[M, P]) -> None:
    for placed in victim.pods:
        rehearsal.remove(placed)


def _restore(victim: Victim[P], rehearsal: Rehearsal[M, P]) -> None:
    for placed in reversed(victim.pods):
        rehearsal.restore(placed)


def _by_node(
    outcome: Outcome[M], rehearsal: Rehearsal[M, P]
) -> dict[int, list[tuple[M, int]]] | None:
    """Return the members on each node if a node's pods concern only those; or None.

    That all of them fit, as long as nobody has been given back, is looked at, too.
    """
    placed = list(outcome.placed.items())
    if not rehearsal.apart(outcome.placed.keys()) or not rehearsal.all_fit(placed):
        return None
    nodes: dict[int, list[tuple[M, int]]] = {}
    for member, slot in placed:
        nodes.setdefault(slot, []).append((member, slot))
    return nodes


def _breaking(
    victims: Sequence[Victim[P]], budgets: Sequence[PodDisruptionBudget]
) -> set[int]:
    """Return the `id`s of those with a pod whose eviction breaks a budget.

    Budgets are counted down over all pods in order, whether they go in the end or not;
    a pod that breaks one is not counted for the budgets after it.
    """
    left = [budget.status.disruptions_allowed for budget in budgets]
    found = set()
    for victim in victims:
        for placed in victim.pods:
            for index, budget in enumerate(budgets):
                if protects(budget, placed.pod):
                    left[index] -= 1
                    if left[index] < 0:
                        found.add(id(victim))
                        break
    return found
