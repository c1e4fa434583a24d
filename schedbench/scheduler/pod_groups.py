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

import numpy as np

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
        surveyed = self._survey(group, places)
        if surveyed is not None:
            return surveyed
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
            self._attempts.assume_all(outcome.placed.items())
            return outcome
        return _nowhere(first or Outcome(Refusal("", frozenset({NAME}))), len(places))

    def _survey(
        self, group: Group[M], places: Sequence[Placement]
    ) -> Outcome[M] | None:
        """Do the same for a group of pods at once, if that is possible."""
        wanted = group is self._root and favoured(places, group.nominated.values())
        if group.composite or not places or wanted or _spare(group) < 0:
            return None
        trials = self._attempts.survey(group.members, places, _spare(group))
        if trials is None:
            return None
        fits = np.flatnonzero(trials.filled >= 0)
        if not len(fits):
            return _nowhere(self._here(group, places[0], again=True), len(places))
        sizes = (len(group.bound) + trials.placed[fits]).tolist()
        best = int(fits[best_trial(sizes, trials.filled[fits].tolist())])
        if trials.placed[best] < len(group.members):
            return self._here(group, places[best], again=True)
        slots = trials.slots[best].tolist()
        outcome = Outcome(placed=dict(zip(group.members, slots, strict=True)))
        self._attempts.assume_all(outcome.placed.items())
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

    def _here(
        self, group: Group[M], within: Placement | None, *, again: bool = False
    ) -> Outcome[M]:
        """Schedule a group on these nodes; nothing stays assumed if it fails."""
        count = len(group.children if group.composite else group.members)
        outcome: Outcome[M] = Outcome(_lost(group, len(group.bound), count))
        if outcome.refusal is not None:
            return outcome
        if group.composite:
            outcome.refusal = self._children(group, within, outcome)
        else:
            outcome.refusal = self._members(group, within, outcome, again=again)
        if outcome.refusal is not None:
            self._undo(outcome)
            outcome.placed = {}
        return outcome

    def _members(
        self,
        group: Group[M],
        within: Placement | None,
        outcome: Outcome[M],
        *,
        again: bool,
    ) -> Refusal | None:
        """Try members until the group is lost; return why it is."""
        error = None
        found = self._attempts.attempt_all(
            group.members, within, _spare(group), again=again
        )
        for member, one in zip(group.members, found, strict=False):
            if not isinstance(one, Refusal):
                outcome.placed[member] = one
                continue
            outcome.returned[member] = one
            if one.error:
                error = Refusal(MEMBER_ERROR.format(one.message), error=True)
        there = len(group.bound) + len(outcome.placed)
        return error or _lost(group, there, len(group.members) - len(found))

    def _children(
        self, group: Group[M], within: Placement | None, outcome: Outcome[M]
    ) -> Refusal | None:
        """Schedule child groups until the group is lost; return why it is."""
        complete = 0
        for done, child in enumerate(group.children, start=1):
            found = self.somewhere(child, within)
            outcome.below[child.key] = found
            outcome.placed.update(found.placed)
            complete += found.refusal is None
            if found.refusal is not None and found.refusal.error:
                text = CHILD_ERROR.format(found.refusal.message)
                return Refusal(text, error=True)
            there = len(group.bound) + complete
            lost = _lost(group, there, len(group.children) - done)
            if lost is not None:
                return lost
        return None

    def _undo(self, outcome: Outcome[M]) -> None:
        self._attempts.undo_all(outcome.placed.items())


def _spare(group: Group[M]) -> int:
    """Return how many waiting members may be refused before the group is lost."""
    return len(group.bound) + len(group.members) - group.min_count


def _nowhere(first: Outcome[M], places: int) -> Outcome[M]:
    """Let the outcome on the first place tell that there is no other either."""
    assert first.refusal is not None
    text = NO_PLACEMENT.format(places, first.refusal.message)
    first.refusal = dataclasses.replace(first.refusal, message=text)
    return first


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
