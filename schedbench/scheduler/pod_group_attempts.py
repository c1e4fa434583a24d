"""Members of pod groups are tried in a world, and taken back again.

Within a group cycle members are on their nodes for the columns and the volumes alone,
as on upstream's snapshot: the world hears of them when they are bound. That snapshot
is taken once for the whole cycle, so the caller lets the world `look` before it, not
before each member. For a check on a single node what PreFilter finds is found anew
(decided here; upstream keeps what it found when the member was tried, and adds and
removes victims).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.scheduler.attempt import Attempt
from schedbench.scheduler.devices import take_devices
from schedbench.scheduler.dry_run import PlacedPod, nominated_to
from schedbench.scheduler.narrowing import only
from schedbench.scheduler.pod_group_batch import Batches, filtered_by_terms
from schedbench.scheduler.pod_group_kernel import Batch, Trials
from schedbench.scheduler.pod_group_placements import most_allocated
from schedbench.scheduler.pod_group_preemption import Rehearsal
from schedbench.scheduler.pod_group_types import M, Placement, Refusal
from schedbench.scheduler.room import dry_run
from schedbench.scheduler.world import World


class WorldAttempts(Rehearsal[M, PlacedPod]):
    """Attempts, and rehearsals of preemption, in a world; see `Rehearsal`.

    Members that can be are tried in batches by compiled code; they are assumed in the
    columns alone, without a `PlacedPod`.

    Parameters
    ----------
    world
        The cluster; it is as before once everything assumed is undone or released.
    member
        Makes the attempt at a member, which makes no room by itself.
    """

    def __init__(self, world: World, member: Callable[[M], Attempt]) -> None:
        self._world = world
        self._member = member
        self._assumed: dict[M, PlacedPod] = {}
        self._nominated: dict[M, PlacedPod] = {}
        self._batches = Batches(world)
        self._known: dict[int, tuple[Sequence[M], Batch | None]] = {}
        self._class_of: dict[M, int] = {}
        self._light: dict[M, int] = {}
        self._trials: dict[M, Attempt] = {}

    def attempt(self, member: M, within: Placement | None) -> int | Refusal:
        """Try a member; if it fits, assume it and return its slot."""
        started = time.perf_counter_ns()
        found = self._try(member, within)
        self._decided(1, time.perf_counter_ns() - started)
        return found

    def _try(self, member: M, within: Placement | None) -> int | Refusal:
        trial = self._member(member)
        with self._only(within):
            outcome = trial.run()
        if outcome.error:
            return Refusal(outcome.error, error=True)
        if outcome.chosen < 0:
            return Refusal(outcome.message, outcome.rejectors)
        self._put(member, trial, outcome.chosen)
        return outcome.chosen

    def attempt_all(
        self,
        members: Sequence[M],
        within: Placement | None,
        spare: int,
        *,
        again: bool = False,
    ) -> list[int | Refusal]:
        """Try members in turn until more than `spare` are refused, or by an error."""
        started = time.perf_counter_ns()
        batch = self._batch(members)
        if batch is None:
            return super().attempt_all(members, within, spare, again=again)
        self._batches.begin(batch)
        slots = np.empty(len(members), dtype=np.int64)
        told: dict[int, Refusal] = {}
        found: list[int | Refusal] = []
        while len(found) < len(members) and spare >= 0:
            first = len(found)
            done = self._batches.place(batch, within, first, spare, slots)
            last = int(batch.pod_class[done - 1])
            for index, slot in enumerate(slots[first:done].tolist(), start=first):
                if slot >= 0:
                    found.append(slot)
                    self._light[members[index]] = slot
                    continue
                spare -= 1
                if index == done - 1 and not self._batches.is_known(last):
                    why = self._try(members[index], within)
                    assert isinstance(why, Refusal)
                    told[last] = why
                    self._batches.know(last)
                found.append(told[int(batch.pod_class[index])])
        self._batches.leave_sampling()
        if not again:
            self._decided(len(found), time.perf_counter_ns() - started)
        return found

    def survey(
        self, members: Sequence[M], places: Sequence[Placement], spare: int
    ) -> Trials | None:
        """Try members on each place and take them back; None if that is not done."""
        started = time.perf_counter_ns()
        batch = self._batch(members)
        if batch is None:
            return None
        trials = self._batches.survey(batch, places, spare)
        self._batches.leave_sampling()
        elapsed = time.perf_counter_ns() - started
        self._decided(int(trials.tried.sum()), elapsed)
        return trials

    def assume_all(self, placed: Collection[tuple[M, int]]) -> None:
        """Assume and reserve members where they had been put, in order."""
        if not self._batches.usable() or not all(
            member in self._class_of for member, _ in placed
        ):
            super().assume_all(placed)
            return
        self._light.update(placed)
        self._shift(placed, 1)

    def undo_all(self, placed: Collection[tuple[M, int]]) -> None:
        """Take members back that were assumed in this order."""
        light = [one for one in placed if one[0] in self._light]
        super().undo_all([one for one in placed if one[0] not in self._light])
        self._shift(light, -1)
        for member, _ in light:
            del self._light[member]

    def assume(self, member: M, slot: int) -> None:
        """Assume a member where an attempt had put it, and reserve its volumes."""
        trial = self._member(member)
        if uses_volumes(trial.pod):
            self._world.volumes.reserve(trial.pod, slot)
        self._put(member, trial, slot)

    def undo(self, member: M, slot: int) -> None:
        """Take back an assumption, its volumes and the end of its nomination."""
        pod = self._take(member).pod
        self._world.volumes.unreserve(pod)
        nominated = self._nominated.pop(member, None)
        if nominated is not None:
            self._world.nominate(pod, nominated.pod_class, nominated.slot)

    def release(self) -> None:
        """Let go of what is assumed, to be bound by the caller; volumes stay reserved.

        Nominations stay ended.
        """
        self.undo_all(list(self._light.items()))
        self._known.clear()
        self._class_of.clear()
        self._trials.clear()
        for member in reversed(list(self._assumed)):
            self._take(member)
        self._nominated.clear()

    def filled(self, within: Placement) -> int:
        """Return how full nodes are, by the resources that NodeResourcesFit scores."""
        session = next(iter(self._world.sessions.values()))
        plugin = session.profile.plugin(NodeResourcesFit)
        weights = dict(() if plugin is None else plugin.resources)
        slots = np.array(within.nodes, dtype=np.int64)
        state, rows = session.state, session.encoded.resources
        sums = [
            {
                name: int(column[row, slots].sum())
                for row, name in enumerate(rows)
                if name in weights
            }
            for column in (state.requested, state.allocatable)
        ]
        return most_allocated(sums[0], sums[1], weights)

    def remove(self, placed: PlacedPod) -> None:
        """Take a pod away from its node."""
        self._world.bind(placed, -1)
        self._world.volumes.remove_pod(placed.pod, placed.slot)

    def restore(self, placed: PlacedPod) -> None:
        """Put a pod back on its node."""
        self._world.bind(placed, 1)
        self._world.volumes.add_pod(placed.pod, placed.slot)

    def fits(self, member: M, slot: int) -> bool:
        """Return whether a member passes all filters on a node as it is now."""
        trial = self._member(member)
        run = dry_run(self._world, trial.settings, trial.pod, trial.pod_class)
        return run.fits(slot, self._guests(trial.pod, slot))

    def all_fit(self, placed: Sequence[tuple[M, int]]) -> bool:
        """Return whether each member passes where it was put, given those before it."""
        if not placed:
            return True
        trials = [self._trial(member) for member, _ in placed]
        found = self._batches.all_pass(trials, [slot for _, slot in placed])
        return super().all_fit(placed) if found is None else found

    def apart(self, members: Collection[M]) -> bool:
        """Return whether only the pods on a node decide if a member passes there."""
        nominated = self._world.nominated
        for trial in map(self._trial, members):
            if uses_volumes(trial.pod) or trial.pod.key in nominated:
                return False
            if filtered_by_terms(trial.session.compiled.classes, trial.pod_class):
                return False
        return True

    def _trial(self, member: M) -> Attempt:
        """Return the attempt at a member, made once for a rehearsal."""
        found = self._trials.get(member)
        if found is None:
            found = self._trials[member] = self._member(member)
        return found

    def _decided(self, count: int, nanoseconds: int) -> None:
        """Take note of attempts that were made, and how long they took together."""

    def _batch(self, members: Sequence[M]) -> Batch | None:
        if not self._batches.usable():
            return None
        known = self._known.get(id(members))
        if known is None:
            trials = [self._member(member) for member in members]
            batch = self._batches.batch(trials)
            known = self._known[id(members)] = members, batch
            if batch is not None:
                classes = batch.pod_class.tolist()
                self._class_of.update(zip(members, classes, strict=True))
        return known[1]

    def _shift(self, placed: Collection[tuple[M, int]], sign: int) -> None:
        if placed:
            classes = [self._class_of[member] for member, _ in placed]
            self._batches.shift(classes, [slot for _, slot in placed], sign)

    def _guests(self, pod: Pod, slot: int) -> list[PlacedPod]:
        others = self._world.nominated.values()
        return [
            one for one in nominated_to(slot, others, pod) if one.pod.key != pod.key
        ]

    def _put(self, member: M, trial: Attempt, slot: int) -> None:
        pod, pod_class = trial.pod, trial.pod_class
        nominated = self._world.nominated.get(pod.key)
        if nominated is not None:
            self._nominated[member] = nominated
            self._world.end_nomination(pod.key)
        placed = PlacedPod(pod, pod_class, slot, devices=_devices(trial, slot))
        self._assumed[member] = placed
        self.restore(placed)

    def _take(self, member: M) -> PlacedPod:
        placed = self._assumed.pop(member)
        self.remove(placed)
        return placed

    @contextlib.contextmanager
    def _only(self, within: Placement | None) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for session in self._world.sessions.values() if within is not None else ():
                assert within is not None
                stack.enter_context(only(session, within.nodes))
            yield


def _devices(trial: Attempt, slot: int) -> int:
    compiled = trial.session.compiled
    if not compiled.classes.gpu_count[trial.pod_class]:
        return 0
    return int(take_devices(trial.session.state, compiled, trial.pod_class, slot))
