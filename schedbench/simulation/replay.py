"""Placement only: arrivals, departures and node changes in order, without latencies.

A workload says how pods wait that found no node: each is tried again the moment
something changes that may help (`Immediate`, here), or in kube-scheduler's scheduling
queue (`queued/`). `scan` runs compiled policies in compiled code; `explain`, and any
policy written in plain Python, decides in Python. All log the same events in the same
order.
"""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.state import bind
from schedbench.errors import TimeLimitError
from schedbench.objects.workload import NodeEvent
from schedbench.policies.base import Policy
from schedbench.scheduler.session import Session
from schedbench.simulation import loop, readable, waiting
from schedbench.simulation.columns import BOUND
from schedbench.simulation.prepare import grow_log
from schedbench.simulation.queued.run import Queued
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.run import Run, telling

Engine = Literal["auto", "indexed", "scan", "explain"]
ENGINES: tuple[Engine, ...] = ("auto", "indexed", "scan", "explain")
DECISIONS_PER_CALL = 5_000
NO_PREEMPTION = (
    "pods have different priorities, which only order them: nobody is displaced, "
    "unless the scenario says `queue: kube-scheduler`"
)


def replay(
    encoded: EncodedWorkload,
    policy: Policy,
    *,
    seed: int,
    engine: Engine = "auto",
    deadline: float | None = None,
) -> Record:
    """Play a workload against a policy.

    Parameters
    ----------
    engine
        `scan` looks at all nodes for each pod, `indexed` at those that changed since a
        pod of its class was there, `auto` at the fewer; `explain` is the readable one.
    deadline
        `time.monotonic()` after which the run is given up.

    Raises
    ------
    PolicyError
        If the policy scores NaN or chooses an infeasible node.
    NotModelledError
        If the policy cannot decide on pods one by one, as the scheduling queue wants.
    TimeLimitError
        If the deadline passes; it is looked at every few thousand decisions.
    InvariantError
        If the state at the end is not the sum of the pods bound.
    """
    if encoded.workload.needs_scheduling_queue:
        return Queued(encoded, policy, seed, engine).play(deadline)
    return Immediate(encoded, policy, seed, engine).play(deadline)


class Immediate(Run):
    """A run in which waiting pods are tried again the moment something may help."""

    def __init__(
        self, encoded: EncodedWorkload, policy: Policy, seed: int, engine: Engine
    ) -> None:
        super().__init__(
            encoded, policy, Session(encoded, policy.profile, seed), engine
        )
        self._noted: dict[str, Any] = {}
        if engine != "explain" and policy.compiled:
            self._run_loop = self.session.specialized(loop.run_loop)
        else:
            self._run_loop = readable.make_loop(self.session, policy, self._noted)

    def play(self, deadline: float | None) -> Record:
        """Run to the end and return the record."""
        if self.policy.outside is None:
            return self._play(deadline)
        with self.policy.outside(self._noted):
            return self._play(deadline)

    def _play(self, deadline: float | None) -> Record:
        compile_started = time.perf_counter()
        self._step(limit=-np.inf)
        started = time.perf_counter()
        for event in self.encoded.workload.node_events:
            self._advance(event.time, deadline)
            self._change_node(event)
        self._advance(np.inf, deadline)
        total = time.perf_counter() - started
        self.check()
        return self.record(started - compile_started, total)

    def notes(self) -> list[str]:
        """Return what of the workload was left out, one sentence each."""
        if len(np.unique(self.encoded.priority)) < 2:
            return []
        return [NO_PREEMPTION]

    def _advance(self, limit: float, deadline: float | None) -> None:
        while (outcome := self._step(limit)) != loop.DONE:
            if outcome == loop.LOG_FULL:
                self.log = grow_log(self.log)
            if deadline is not None and time.monotonic() > deadline:
                done = int(self.progress.counters.decisions[0])
                raise TimeLimitError(f"time limit reached after {done} decisions")

    def _step(self, limit: float) -> int:
        with telling(self.policy):
            outcome: int = self._run_loop(
                self.session.state,
                self.session.compiled,
                self.pods,
                self.progress,
                self.log,
                self.session.scratch,
                self.memory.index,
                limit,
                DECISIONS_PER_CALL,
            )
        return outcome

    def _change_node(self, event: NodeEvent) -> None:
        self.progress.counters.now[0] = event.time
        slot = self.node_slot(event)
        if event.change == "remove":
            self._evict_all(slot)
            self.session.leave(event.node.metadata.name)
            classes = self.session.compiled.classes
            waiting.wake_domain_readers(classes, self.progress)
        else:
            self.session.join(event.node)
            waiting.mark_changed(self.progress, slot)
        self.note_capacity(event, slot)
        self.look_at_images(self.session, slot)
        here = np.flatnonzero(self.progress.status == BOUND)
        self.session.recount(self.pods.pod_class[here], self.progress.place[here])
        self.memory.note_node(slot)
        self.memory.look()

    def _evict_all(self, slot: int) -> None:
        """Let the pods of a leaving node wait again, in the order of the queue."""
        progress, pods = self.progress, self.pods
        evicted = self.pods_on(slot)
        for pod in evicted:
            pod_class, devices = int(pods.pod_class[pod]), int(progress.devices[pod])
            bind(
                self.session.state,
                self.session.compiled.classes,
                pod_class,
                slot,
                devices,
                -1,
            )
            self.write(EventKind.EVICT, slot, pod, devices)
            waiting.evict(pods, progress, int(pod))
        if len(evicted):
            self.forget_finishes(evicted)
            waiting.mark_changed(progress, slot)
