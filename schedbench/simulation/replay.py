"""Placement only: arrivals, departures and node changes in order, without latencies.

`scan` runs compiled policies in the compiled loop; `explain`, and any policy written
in plain Python, runs in the readable loop. Both log the same events in the same order.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from typing import Literal

import numpy as np
from numba.core.errors import NumbaError

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.state import bind, check_invariants
from schedbench.errors import InputError, PolicyError, TimeLimitError
from schedbench.objects.workload import NodeEvent
from schedbench.policies.base import Policy
from schedbench.scheduler.session import Session
from schedbench.simulation import loop, readable, waiting
from schedbench.simulation.columns import BOUND, log_is_full, write
from schedbench.simulation.prepare import (
    grow_log,
    make_log,
    make_pods,
    make_progress,
)
from schedbench.simulation.record import CapacityChange, EventKind, Record, WallClock
from schedbench.simulation.rejections import read_counts

Engine = Literal["scan", "explain"]
ENGINES: tuple[Engine, ...] = ("scan", "explain")
DECISIONS_PER_CALL = 5_000


def replay(
    encoded: EncodedWorkload,
    policy: Policy,
    *,
    seed: int,
    engine: Engine = "scan",
    deadline: float | None = None,
) -> Record:
    """Play a workload against a policy.

    Parameters
    ----------
    deadline
        `time.monotonic()` after which the run is given up.

    Raises
    ------
    PolicyError
        If the policy scores NaN or chooses an infeasible node.
    TimeLimitError
        If the deadline passes; it is looked at every few thousand decisions.
    InvariantError
        If the state at the end is not the sum of the pods bound.
    """
    return Replay(encoded, policy, seed, engine).run(deadline)


class Replay:
    """One run: a session, the arrays of the loop and the log."""

    def __init__(
        self, encoded: EncodedWorkload, policy: Policy, seed: int, engine: Engine
    ) -> None:
        self.encoded = encoded
        self.policy = policy
        self.session = Session(encoded, policy.profile, seed)
        self.pods = make_pods(encoded)
        self.progress = make_progress(encoded)
        self.log = make_log(encoded)
        self.capacity_changes: list[CapacityChange] = []
        if engine == "scan" and policy.compiled:
            self._run_loop = self.session.specialized(loop.run_loop)
        else:
            self._run_loop = readable.make_loop(self.session, policy)

    def run(self, deadline: float | None) -> Record:
        """Run to the end and return the record."""
        compile_started = time.perf_counter()
        self._step(limit=-np.inf)
        started = time.perf_counter()
        for event in self.encoded.workload.node_events:
            self._advance(event.time, deadline)
            self._change_node(event)
        self._advance(np.inf, deadline)
        total = time.perf_counter() - started
        self._check()
        return self._record(started - compile_started, total)

    def _advance(self, limit: float, deadline: float | None) -> None:
        while (outcome := self._step(limit)) != loop.DONE:
            if outcome == loop.LOG_FULL:
                self.log = grow_log(self.log)
            if deadline is not None and time.monotonic() > deadline:
                done = int(self.progress.counters.decisions[0])
                raise TimeLimitError(f"time limit reached after {done} decisions")

    def _step(self, limit: float) -> int:
        try:
            outcome: int = self._run_loop(
                self.session.state,
                self.session.compiled,
                self.pods,
                self.progress,
                self.log,
                self.session.scratch,
                limit,
                DECISIONS_PER_CALL,
            )
        except ValueError as error:
            if "NaN score" in str(error):
                raise PolicyError(f"{self.policy.spec} scored a node NaN") from error
            raise
        except NumbaError as error:
            reason = " ".join(str(error).strip().splitlines()[:4])
            raise PolicyError(
                f"{self.policy.spec} cannot be compiled by numba: {reason}"
            ) from error
        return outcome

    def _change_node(self, event: NodeEvent) -> None:
        at = self.progress.counters
        at.now[0] = event.time
        name = event.node.metadata.name
        slot = self.session.nodes.slots[name]
        alive = bool(self.session.state.alive[slot])
        if alive == (event.change == "add"):
            raise InputError(
                f"a node that is {'' if alive else 'not '}there cannot {event.change}",
                where=f"node event at {event.time} s",
                value=name,
            )
        if event.change == "remove":
            self._evict_all(slot)
            self.session.leave(name)
            self._write(EventKind.NODE_REMOVE, slot)
        else:
            self.session.join(event.node)
            added = event.change == "add"
            self._write(EventKind.NODE_ADD if added else EventKind.NODE_UPDATE, slot)
            waiting.mark_changed(self.progress, slot)
        self._look_at_images(slot)
        here = np.flatnonzero(self.progress.status == BOUND)
        self.session.recount(self.pods.pod_class[here], self.progress.place[here])
        allocatable = self.session.state.allocatable[:, slot].copy()
        self.capacity_changes.append(CapacityChange(event.time, slot, allocatable))

    def _look_at_images(self, slot: int) -> None:
        """Refresh what is known of images where something changed since an attempt."""
        self.session.images.touch(slot)
        for entry in range(int(self.progress.counters.logged[0]) - 1, -1, -1):
            self.session.images.touch(int(self.log.node[entry]))
            if self.log.kind[entry] in {EventKind.BIND, EventKind.UNSCHEDULABLE}:
                break
        self.session.look()

    def _evict_all(self, slot: int) -> None:
        """Let the pods of a leaving node wait again, in the order of the queue."""
        progress, pods = self.progress, self.pods
        here = (progress.status == BOUND) & (progress.place == slot)
        evicted = np.flatnonzero(here)
        for pod in evicted[np.argsort(pods.rank[evicted])]:
            pod_class, devices = int(pods.pod_class[pod]), int(progress.devices[pod])
            bind(
                self.session.state,
                self.session.compiled.classes,
                pod_class,
                slot,
                devices,
                -1,
            )
            self._write(EventKind.EVICT, slot, pod, devices)
            waiting.evict(pods, progress, int(pod))
        if len(evicted):
            waiting.mark_changed(progress, slot)

    def _write(self, kind: int, node: int, pod: int = -1, devices: int = 0) -> None:
        if log_is_full(self.progress, self.log):
            self.log = grow_log(self.log)
        write(self.progress, self.log, int(kind), int(pod), node, int(devices))

    def _check(self) -> None:
        bound = np.flatnonzero(self.progress.status == BOUND)
        gpu_total = np.where(self.session.state.gpu_free >= 0, 1000, -1)
        check_invariants(
            self.session.state,
            self.session.compiled.classes,
            self.pods.pod_class[bound],
            self.progress.place[bound],
            self.progress.devices[bound],
            gpu_total,
        )

    def _record(self, compile_seconds: float, total_seconds: float) -> Record:
        at = self.progress.counters
        entries = slice(0, int(at.logged[0]))
        latency = self.log.latency[: int(at.decisions[0])].copy()
        return Record(
            time=self.log.time[entries].copy(),
            kind=self.log.kind[entries].copy(),
            pod=self.log.pod[entries].copy(),
            node=self.log.node[entries].copy(),
            devices=self.log.devices[entries].copy(),
            pod_class=self.pods.pod_class.copy(),
            rejections=read_counts(self.log.rejections, self.session),
            capacity_changes=self.capacity_changes,
            horizon=float(at.now[0]),
            digest=self._digest(entries),
            wall=WallClock(
                schedule_seconds=float(latency.sum()) / 1e9,
                total_seconds=total_seconds,
                compile_seconds=compile_seconds,
                decisions=len(latency),
                latency_ns=latency,
                peak_rss_bytes=peak_rss_bytes(),
            ),
        )

    def _digest(self, entries: slice) -> str:
        """Hash the bindings in the order in which they were made."""
        bound = self.log.kind[entries] == EventKind.BIND
        digest = hashlib.blake2b(digest_size=16)
        for column, dtype in (("pod", "<i4"), ("node", "<i4"), ("devices", "<i8")):
            values = getattr(self.log, column)[entries][bound]
            digest.update(values.astype(dtype).tobytes())
        return digest.hexdigest()


def peak_rss_bytes() -> int:
    """Return the highest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
