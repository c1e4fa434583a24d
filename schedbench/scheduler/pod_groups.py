"""The group cycle: a pod group is scheduled as one, all of its minimum or nothing.

The members that wait are tried one after the other, each seeing those before it as if
they were bound. As soon as the minimum is out of reach the group is given up and all
that was assumed is undone, the last first; members on nodes from earlier cycles count.
Once the minimum is met every member that fits is bound and the others return to the
queue. A basic group is a gang of one, so each of its pods counts for itself. Single
members do not preempt (no PostFilter); the whole group may, see
`pod_group_preemption.py`. In a group of groups the same is done with child groups in
place of members. How one member is tried is not known here.

Source: kubernetes (after v1.34, KEP-4671) pkg/scheduler/schedule_one_podgroup.go and
the PlacementFeasible of plugins/gangscheduling.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Generic

from schedbench.plugins.gang_scheduling import NAME, cannot_be_met
from schedbench.scheduler.pod_group_placements import Topology, best_trial, favoured
from schedbench.scheduler.pod_group_types import (
    Attempts,
    Group,
    M,
    Outcome,
    Placement,
    Refusal,
)

NONE_PLACED = "no pods were schedulable"
MEMBER_ERROR = "failed to schedule other pod from a pod group: {}"
CHILD_ERROR = "composite pod group evaluation failed due to child error: {}"
NO_PLACEMENT = "0/{} placements are available, first placement status: {}"


def schedule_group(
    root: Group[M], attempts: Attempts[M], topology: Topology | None = None
) -> Outcome[M]:
    """Schedule a group that has no parent; those in `placed` are to be bound.

    Everything else is as before. Members that fit nowhere return with their own
    refusal; where their group failed, those that would have fitted and those not
    tried return with the group's, and where a group above failed, all members of
    PodGroups that had succeeded return with that one's. A group none of whose members
    was placed fails even if it has its minimum from earlier.

    Parameters
    ----------
    root
        The group, with at least one waiting member in it or below it.
    attempts
        How members are tried.
    topology
        The nodes' labels; without them topology keys are not looked at (upstream's
        TopologyAwareWorkloadScheduling feature gate).
    """
    cycle = _Cycle(root, attempts, topology)
    outcome = cycle.somewhere(root, None)
    if outcome.refusal is None and not outcome.placed:
        outcome.refusal = Refusal(NONE_PLACED)
        _settle(root, outcome)
    return outcome


class _Cycle(Generic[M]):
    def __init__(
        self, root: Group[M], attempts: Attempts[M], topology: Topology | None
    ) -> None:
        self._root = root
        self._attempts = attempts
        self._topology = topology

    def somewhere(self, group: Group[M], within: Placement | None) -> Outcome[M]:
        """Schedule a group on the best of its placements within those of its parent."""
        if self._topology is None or group.topology is None:
            outcome = self._here(group, within)
        else:
            places = self._topology.domains(group.topology, within, group.slots())
            if isinstance(places, str):
                outcome = Outcome(Refusal(places, error=True))
            else:
                outcome = self._in_best(group, places)
        _settle(group, outcome)
        return outcome

    def _in_best(self, group: Group[M], places: Sequence[Placement]) -> Outcome[M]:
        """Try each place, then let the group have the best of those where it fits."""
        first = None
        trials: list[tuple[Outcome[M], int]] = []
        for place, only in self._tour(group, places):
            trial = self._here(group, place)
            if trial.refusal is None:
                trials.append((trial, self._attempts.filled(place)))
                self._undo(trial)
                if only:
                    break
            elif trial.refusal.error:
                return trial
            first = first or trial
        if trials:
            there = sum(1 for _ in group.slots())
            sizes = [there + len(trial.placed) for trial, _ in trials]
            outcome = trials[best_trial(sizes, [filled for _, filled in trials])][0]
            for member, slot in outcome.placed.items():
                self._attempts.assume(member, slot)
            return outcome
        outcome = first or Outcome(Refusal("", frozenset({NAME})))
        assert outcome.refusal is not None
        text = NO_PLACEMENT.format(len(places), outcome.refusal.message)
        outcome.refusal = dataclasses.replace(outcome.refusal, message=text)
        return outcome

    def _tour(
        self, group: Group[M], places: Sequence[Placement]
    ) -> Iterator[tuple[Placement, bool]]:
        """Give the places in order, and whether to look no further if it fits there.

        That is so of the place of its nominations, unless the group is one of others.
        """
        wanted = None
        if group is self._root:
            wanted = favoured(places, group.nominated.values())
        if wanted is not None:
            yield wanted, True
        yield from ((place, False) for place in places if place is not wanted)

    def _here(self, group: Group[M], within: Placement | None) -> Outcome[M]:
        """Schedule a group on these nodes; nothing stays assumed if it fails."""
        count = len(group.children if group.composite else group.members)
        outcome: Outcome[M] = Outcome(_lost(group, len(group.bound), count))
        if outcome.refusal is None:
            walk = self._children if group.composite else self._members
            for done, placed in walk(group, within, outcome):
                if outcome.refusal is None:
                    there = len(group.bound) + placed
                    outcome.refusal = _lost(group, there, count - done)
                if outcome.refusal is not None:
                    self._undo(outcome)
                    outcome.placed = {}
                    break
        return outcome

    def _members(
        self, group: Group[M], within: Placement | None, outcome: Outcome[M]
    ) -> Iterator[tuple[int, int]]:
        """Try members; give how many were tried and how many of them are placed."""
        for done, member in enumerate(group.members, start=1):
            found = self._attempts.attempt(member, within)
            if not isinstance(found, Refusal):
                outcome.placed[member] = found
            else:
                outcome.returned[member] = found
                if found.error:
                    text = MEMBER_ERROR.format(found.message)
                    outcome.refusal = Refusal(text, error=True)
            yield done, len(outcome.placed)

    def _children(
        self, group: Group[M], within: Placement | None, outcome: Outcome[M]
    ) -> Iterator[tuple[int, int]]:
        """Schedule child groups; give how many, and how many have their minimum."""
        complete = 0
        for done, child in enumerate(group.children, start=1):
            found = self.somewhere(child, within)
            outcome.below[child.key] = found
            outcome.placed.update(found.placed)
            complete += found.refusal is None
            if found.refusal is not None and found.refusal.error:
                text = CHILD_ERROR.format(found.refusal.message)
                outcome.refusal = Refusal(text, error=True)
            yield done, complete

    def _undo(self, outcome: Outcome[M]) -> None:
        for member, slot in reversed(outcome.placed.items()):
            self._attempts.undo(member, slot)


def _lost(group: Group[M], placed: int, remaining: int) -> Refusal | None:
    why = cannot_be_met(group.min_count, placed, remaining)
    return None if why is None else Refusal(why, frozenset({NAME}))


def _settle(group: Group[M], outcome: Outcome[M]) -> None:
    """Say of every member that is not placed why it returns."""
    why = outcome.refusal
    if not group.composite:
        if why is not None:
            for member in group.members:
                outcome.returned.setdefault(member, why)
        return
    outcome.returned = {}
    for child in group.children:
        found = outcome.below.get(child.key)
        if why is not None and found is None:
            found = Outcome(why, returned=dict.fromkeys(child.everybody(), why))
            outcome.below[child.key] = found
        elif why is not None and found is not None and found.refusal is None:
            found.refusal, found.placed, found.returned = why, {}, {}
            _settle(child, found)
        assert found is not None
        outcome.returned.update(found.returned)
