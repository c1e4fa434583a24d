"""The readable event loop, for engines and policies that are plain Python.

It has the interface of `loop.run_loop` and works on the same columns, but tries
waiting pods one by one, as the rules say, instead of class by class.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.errors import PolicyError
from schedbench.policies.base import Policy
from schedbench.policies.batches import Running
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.explain import explain
from schedbench.scheduler.index.layout import Index
from schedbench.scheduler.sampling import advance
from schedbench.scheduler.score import Scratch
from schedbench.scheduler.session import Session
from schedbench.simulation import loop
from schedbench.simulation.columns import (
    BOUND,
    GONE,
    WAITING,
    Log,
    Pods,
    Progress,
    write,
)
from schedbench.simulation.own import (
    Batch,
    choose_vectorized,
    feasible_nodes,
    read_only,
    rejection,
)
from schedbench.simulation.record import EventKind
from schedbench.simulation.rejections import count_rejections
from schedbench.simulation.waiting import wait, wake_domain_readers


def make_loop(
    session: Session, policy: Policy, memory: dict[str, Any]
) -> Callable[..., int]:
    """Return a function that stands in for `loop.run_loop`.

    `memory` is what a batch policy notes.
    """
    cluster = read_only(session.state)

    def explained(pods: Pods, progress: Progress, pod: int) -> int:
        cursor = int(progress.counters.cursor[0])
        return explain(session, int(pods.pod_class[pod]), pod, cursor).chosen

    def vectorized(pods: Pods, progress: Progress, pod: int) -> int:
        cursor = int(progress.counters.cursor[0])
        pod_class = int(pods.pod_class[pod])
        return choose_vectorized(session, policy, cluster, pod_class, pod, cursor)

    decide = explained if policy.vectorized is None else vectorized

    def run(
        state: ClusterState,
        compiled: Compiled,
        pods: Pods,
        progress: Progress,
        log: Log,
        scratch: Scratch,
        index: Index,
        limit: float,
        most_decisions: int,
    ) -> int:
        steps = _Steps(
            session, policy, cluster, decide, pods, progress, log, index, memory
        )
        return steps.run(limit, most_decisions)

    return run


class _Steps:
    """The steps of the loop over one call."""

    def __init__(
        self,
        session: Session,
        policy: Policy,
        cluster: ClusterState,
        decide: Callable[[Pods, Progress, int], int],
        pods: Pods,
        progress: Progress,
        log: Log,
        index: Index,
        memory: dict[str, Any],
    ) -> None:
        self.index = index
        self.memory = memory
        self.session = session
        self.policy = policy
        self.cluster = cluster
        self.decide = decide
        self.pods = pods
        self.progress = progress
        self.log = log
        self.at = progress.counters

    def run(self, limit: float, most_decisions: int) -> int:
        """Run all events before `limit` and the departures at it."""
        state, classes = self.session.state, self.session.compiled.classes
        stop_at = int(self.at.decisions[0]) + most_decisions
        while True:
            group = self._arrivals()
            if self._log_is_full(len(group)):
                return loop.LOG_FULL
            if self.at.decisions[0] >= stop_at:
                return loop.LIMIT_REACHED
            departure = float(loop.next_departure(self.pods, self.progress))
            arrival = float(self.pods.arrival[group[0]]) if len(group) else np.inf
            now = float(self.at.now[0])
            waking = self.at.changed[0] > 0 or self.at.woken[0] > 0
            if waking and departure > now and limit > now:
                self._retry()
            elif departure <= arrival and departure <= limit and departure < np.inf:
                self.at.now[0] = departure
                loop.depart(
                    state, classes, self.pods, self.progress, self.log, self.index
                )
            elif arrival < limit:
                self.at.now[0] = arrival
                self._arrive(group)
            else:
                return loop.DONE

    def _arrivals(self) -> NDArray[np.int32]:
        """Return the next pod; for a batch policy, all pods of the next instant."""
        order, first = self.pods.order, int(self.at.next_arrival[0])
        if self.policy.batch is None or first == len(order):
            return order[first : first + 1]
        times = self.pods.arrival[order[first:]]
        return order[first : first + int(np.searchsorted(times, times[0], "right"))]

    def _log_is_full(self, arriving: int) -> bool:
        waiting = int(np.count_nonzero(self.progress.status == WAITING))
        pods = max(waiting, arriving) + 1
        return bool(
            self.at.logged[0] + 2 * pods > len(self.log.time)
            or self.at.decisions[0] + pods > len(self.log.latency)
        )

    def _arrive(self, group: NDArray[np.int32]) -> None:
        self.at.next_arrival[0] += len(group)
        fresh = []
        for pod in map(int, group):
            if self.progress.status[pod] == GONE:
                continue
            self._write(EventKind.ARRIVE, pod)
            node = int(self.pods.node[pod])
            if node >= 0 and self.session.state.alive[node]:
                self._place(pod, node)
            else:
                fresh.append(pod)
        for pod, node in self._try(fresh):
            if node >= 0:
                self._place(pod, node)
                self._wake()
            else:
                wait(self.pods, self.progress, pod)
                self._fail(pod)

    def _retry(self) -> None:
        """Try every waiting pod once, in the order of the queue."""
        waiting = np.flatnonzero(self.progress.status == WAITING)
        queue = waiting[np.argsort(self.pods.rank[waiting])]
        lost = self.progress.evicted[: int(self.at.evicted[0])]
        untried = {int(pod) for pod in self.pods.by_rank[lost]}
        self._empty_queues()
        self.at.woken[0] = 0
        bound = False
        for pod, node in self._try([int(pod) for pod in queue]):
            if node >= 0:
                self._place(pod, node)
                bound = True
                continue
            if pod in untried:
                self._fail(pod)
            wait(self.pods, self.progress, pod)
        changed = int(self.at.changed[0])
        self.progress.is_changed[self.progress.changed_nodes[:changed]] = 0
        self.at.changed[0] = 0
        if bound:
            self._wake()

    def _wake(self) -> None:
        wake_domain_readers(self.session.compiled.classes, self.progress)

    def _empty_queues(self) -> None:
        self.progress.waiting_count[:] = 0
        self.at.active[0] = 0
        self.at.evicted[0] = 0

    def _try(self, queue: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield each pod with its node or −1; the caller binds before the next."""
        if self.policy.batch is not None:
            return self._try_batch(queue)
        return self._try_each(queue)

    def _try_each(self, queue: Sequence[int]) -> Iterator[tuple[int, int]]:
        failed: set[int] = set()
        for pod in queue:
            pod_class = int(self.pods.pod_class[pod])
            if pod_class in failed:
                yield pod, -1
                continue
            started = time.perf_counter_ns()
            node = self.decide(self.pods, self.progress, pod)
            self._count(time.perf_counter_ns() - started)
            if node < 0:
                failed.add(pod_class)
            else:
                self.at.cursor[0] = (node + 1) % len(self.session.nodes)
                advance(self.session.compiled.sampling)
            yield pod, node

    def _try_batch(self, queue: Sequence[int]) -> Iterator[tuple[int, int]]:
        if not queue:
            return
        numbers = np.asarray(queue, dtype=np.int64)
        batch = Batch(
            self.session,
            self.pods.pod_class[numbers],
            numbers,
            self._running(),
            self.memory,
            float(self.at.now[0]),
        )
        started = time.perf_counter_ns()
        assert self.policy.batch is not None
        nodes = np.asarray(self.policy.batch(self.cluster, batch))
        self._count(time.perf_counter_ns() - started)
        if nodes.shape != (len(queue),) or nodes.dtype.kind not in "iu":
            raise PolicyError(
                f"{self.policy.spec} returned {nodes.dtype}{list(nodes.shape)}, "
                f"expected an integer for each of {len(queue)} pods"
            )
        planned = dict.fromkeys([*batch.taken, *range(len(queue))])
        for index in planned:
            pod, node = queue[index], int(nodes[index])
            if node >= 0:
                self._demand_feasible(pod, node)
            yield pod, node

    def _running(self) -> Running:
        number = np.flatnonzero(self.progress.status == BOUND)
        return Running(number, self.pods.pod_class[number], self.progress.place[number])

    def _demand_feasible(self, pod: int, node: int) -> None:
        count = len(self.session.nodes)
        pod_class = int(self.pods.pod_class[pod])
        if node >= count or not feasible_nodes(self.session, pod_class)[node]:
            known = node < count
            name = self.session.encoded.node_names[node] if known else node
            why = rejection(self.session, pod_class, node) if known else ""
            raise PolicyError(
                f"{self.policy.spec} chose an infeasible node for pod "
                f"{self.session.encoded.workload.pods.name(pod)}: {name}{why}"
            )

    def _count(self, nanoseconds: int) -> None:
        self.log.latency[int(self.at.decisions[0])] = nanoseconds
        self.at.decisions[0] += 1

    def _write(self, kind: int, pod: int) -> None:
        write(self.progress, self.log, int(kind), pod, -1, 0)

    def _place(self, pod: int, node: int) -> None:
        columns = self.pods, self.progress, self.log, self.index
        session = self.session
        loop.place(session.state, session.compiled, *columns, pod, node)

    def _fail(self, pod: int) -> None:
        pod_class = int(self.pods.pod_class[pod])
        bad = np.where(feasible_nodes(self.session, pod_class), 0, -1)
        self._write(EventKind.UNSCHEDULABLE, pod)
        state, compiled = self.session.state, self.session.compiled
        count_rejections(state, compiled, pod_class, bad, self.log.rejections)
