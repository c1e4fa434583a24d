"""A run in which pods wait in kube-scheduler's scheduling queue, in virtual time.

At each instant departures come first, then changes of nodes and pods, then arrivals;
after them pods are popped and tried until the queue has none to give. An attempt takes
no time, eviction neither. Stretches in which nobody waits, and no pod needs more than
filters and scores, are played by the compiled loop.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload
from schedbench.errors import TimeLimitError
from schedbench.policies.base import Policy
from schedbench.scheduler.attempt import Attempt, Outcome
from schedbench.scheduler.engines import Turn
from schedbench.scheduler.preemption import Candidate
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.sampling import advance_in_vain
from schedbench.scheduler.storage import VOLUME_PLUGINS
from schedbench.simulation.queued.batch import CompiledBatch
from schedbench.simulation.queued.cluster import Failure, QueuedCluster
from schedbench.simulation.queued.events import Events
from schedbench.simulation.queued.groups import GroupCycle, Room
from schedbench.simulation.queued.policy import (
    chooser_of,
    engine_of,
    profiles_of,
    search_of,
)
from schedbench.simulation.queued.preempting import CompiledPreemption
from schedbench.simulation.queued.stretch import CompiledStretch
from schedbench.simulation.record import EventKind, Record, Rejection
from schedbench.simulation.run import telling

_Reason: TypeAlias = tuple[str, str]
"""Plugin and reason."""


class Queued(QueuedCluster):
    """A run: the cluster, what happens to it, and who is tried when."""

    def __init__(
        self, encoded: EncodedWorkload, policy: Policy, seed: int, engine: str
    ) -> None:
        profiles = profiles_of(policy, encoded.workload)
        super().__init__(encoded, policy, profiles, seed, engine)
        self._events = Events(self)
        self._stretch = CompiledStretch(self, engine)
        self._batch = CompiledBatch(self, self._stretch)
        self._engine = engine_of(self.session, policy, engine)
        self._search = search_of(self.world, seed)
        self._choose = chooser_of(policy, seed)
        self._group_cycle = GroupCycle(self, self._member)
        self._preemption = CompiledPreemption(self, self._stretch, policy, seed)
        self._told: dict[int, tuple[Outcome, Mapping[_Reason, int]]] = {}

    def play(self, deadline: float | None) -> Record:
        """Run to the end and return the record."""
        compile_started = time.perf_counter()
        self._stretch.compile()
        started = time.perf_counter()
        while True:
            self._stretch.run(self._events.next_change(), deadline)
            now = self._next_time()
            if now == np.inf:
                break
            if now >= self._events.next_time():
                self._events.happen(now)
            else:
                self.progress.counters.now[0] = now
            self._drain(deadline)
        total = time.perf_counter() - started
        self.check()
        return self.record(started - compile_started, total)

    def _next_time(self) -> float:
        """Return when something happens next; inf if nothing will that matters.

        Without further events, pods that were tried since anything changed would be
        tried in vain for ever, each time they have waited long enough.
        """
        outside = self._events.next_time()
        if outside == np.inf and all(
            queued.gating_plugin is not None
            or self.tried.get(queued.key) == self.version
            for queued in self.queue
        ):
            return outside
        return min(outside, self.queue.next_time(self.now))

    def _drain(self, deadline: float | None) -> None:
        """Try pods until the queue has none to give."""
        while True:
            if not self._preemption.run():
                self._batch.run()
                queued = self.queue.pop(self.now)
                if queued is None:
                    return
                self._try(queued)
            if deadline is not None and time.monotonic() > deadline:
                done = int(self.progress.counters.decisions[0])
                raise TimeLimitError(f"time limit reached after {done} decisions")

    def _try(self, queued: QueuedPod) -> None:
        if queued.pod.spec.scheduling_group is not None:
            self._try_group(queued)
            return
        pod = self.objects.index(queued.key)
        started = time.perf_counter_ns()
        outcome = self._attempt(queued, pod)
        self.count(started)
        if outcome.chosen >= 0 and not outcome.error:
            self.bind(queued, pod, outcome.chosen)
        else:
            self._fail(queued, pod, outcome)

    def _try_group(self, popped: QueuedPod) -> None:
        """Try the whole group of a popped pod, with all of its members that wait."""
        waiting = self._group_cycle.pop_others(popped)
        with telling(self.policy):
            outcome, room = self._group_cycle.run(waiting)
        for queued, slot in outcome.placed.items():
            self.bind(queued, self.objects.index(queued.key), slot)
        if room.victims:
            self._evict(room)
        for queued, refusal in outcome.returned.items():
            pod = self.objects.index(queued.key)
            self.write(EventKind.UNSCHEDULABLE, -1, pod)
            if queued.attempts == 1:
                self.found.update((one, refusal.message) for one in refusal.plugins)
            self.tried[queued.key] = self.version
            plugins = () if refusal.error else refusal.plugins
            self.queue.add_unschedulable(queued, plugins, self.now, refusal.pending)
        for queued, slot in room.nominated.items():
            self.nominate(self.objects.index(queued.key), slot)

    def _evict(self, room: Room) -> None:
        """Evict the victims of a group, node by node in the log."""
        first = next(iter(room.nominated))
        pods = [placed for victim in room.victims for placed in victim.pods]
        for slot in dict.fromkeys(placed.slot for placed in pods):
            self.write(EventKind.PREEMPT, slot, self.objects.index(first.key))
            for placed in pods:
                if placed.slot == slot:
                    victim = self.objects.index(placed.pod.key)
                    self.take(victim, EventKind.DELETE)

    def _member(self, queued: QueuedPod) -> Attempt:
        """Return an attempt at a member of a group, which makes no room by itself."""
        pod = self.objects.index(queued.key)
        turn = Turn(pod, int(self.progress.counters.cursor[0]))
        pod_class = int(self.pods.pod_class[pod])
        found = self.objects[pod]
        return Attempt(self.world, found, pod_class, self._engine, turn, None)

    def _attempt(self, queued: QueuedPod, pod: int) -> Outcome:
        """Try a pod; what failed for its class fails until something changes."""
        pod_class = int(self.pods.pod_class[pod])
        simple = not self._stretch.is_special[pod]
        simple = simple and queued.key not in self.world.nominated
        if simple and self.fails(pod_class):
            return self._again_in_vain(queued, pod_class)
        self.world.look()
        turn = Turn(pod, int(self.progress.counters.cursor[0]))
        search = self._search(pod)
        with telling(self.policy):
            outcome = Attempt(
                self.world, self.objects[pod], pod_class, self._engine, turn, search
            ).run()
        if simple and outcome.chosen < 0 and not outcome.after.preemption.tied:
            self.failed[pod_class] = Failure(self.version, outcome)
        return outcome

    def _again_in_vain(self, queued: QueuedPod, pod_class: int) -> Outcome:
        outcome = self.failed[pod_class].outcome
        if outcome.stopped is None:
            sampling = self.world.session(queued.pod).compiled.sampling
            advance_in_vain(sampling, pod_class)
        return outcome

    def _fail(self, queued: QueuedPod, pod: int, outcome: Outcome) -> None:
        """Let PostFilter's findings be done, and the pod wait."""
        self.write(EventKind.UNSCHEDULABLE, -1, pod)
        if queued.attempts == 1:
            self.found.update(self._reasons(int(self.pods.pod_class[pod]), outcome))
        nominated: int | None = None
        preemption = outcome.after.preemption
        if preemption.tied:
            chosen = preemption.tied[self._choose(pod, len(preemption.tied))]
            self._make_room(pod, chosen)
            nominated = chosen.slot
        self.tried[queued.key] = self.version
        rejectors = () if outcome.error else outcome.rejectors
        self.queue.add_unschedulable(queued, rejectors, self.now)
        if nominated is not None:
            self.nominate(pod, nominated)
        elif (preemption.clears or outcome.error) and (
            queued.key in self.world.nominated
        ):
            self.nominate(pod, None)

    def _reasons(self, pod_class: int, outcome: Outcome) -> Mapping[_Reason, int]:
        """Return how many nodes reject a pod for what."""
        told, reasons = self._told.get(pod_class, (None, {}))
        if told is not outcome:
            reasons = outcome.reasons()
            self._told[pod_class] = outcome, reasons
        return reasons

    def _make_room(self, pod: int, chosen: Candidate) -> None:
        """Evict the victims and end lower nominations to the node."""
        self.write(EventKind.PREEMPT, chosen.slot, pod)
        for victim in chosen.victims:
            self.take(self.objects.index(victim.pod.key), EventKind.DELETE)
        for other in self.world.clear_lower(self.objects[pod], chosen):
            self.nominate(self.objects.index(other.pod.key), None)

    def entries(self) -> NDArray[np.int64]:
        """Return the entries of the log: of an instant, what arrives before its binds.

        The compiled loop lets one pod after another arrive and be bound.
        """
        count = int(self.progress.counters.logged[0])
        time, kind = self.log.time[:count], self.log.kind[:count]
        instant = np.cumsum(np.diff(time, prepend=0.0) > 0)
        arrives = kind == EventKind.ARRIVE
        begun = np.cumsum(arrives)
        before = np.where(np.diff(instant, prepend=-1) > 0, begun - arrives, 0)
        phase = np.where(arrives, 1, 2)
        phase[begun == np.maximum.accumulate(before)] = 0
        return np.lexsort((phase, instant))

    def filters_off(self) -> frozenset[str]:
        """Return the default filters that a profile does without."""
        off: set[str] = set()
        for settings in self.world.settings.values():
            off |= settings.profile.filters_off()
            off |= set(VOLUME_PLUGINS) - set(settings.points["filter"])
        return frozenset(off)

    def notes(self) -> list[str]:
        """Return what of the workload was left out, one sentence each."""
        why = "they are being deleted, or name a scheduler without a profile"
        return [f"{self.left_out} pods were left out: {why}"] if self.left_out else []

    def rejections(self) -> list[Rejection]:
        """Return why pods found no node at first, most nodes first."""
        found = self.found.copy()
        for one in super().rejections():
            found[one.plugin, one.reason] += one.nodes
        named = [Rejection(*name, nodes) for name, nodes in found.items()]
        return sorted(named, key=lambda r: (-r.nodes, r.plugin, r.reason))
