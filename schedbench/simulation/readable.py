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

from schedbench.cluster.layout import ClusterState, Pod
from schedbench.errors import PolicyError
from schedbench.policies.base import Policy
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.explain import explain
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.score import Scratch, order_floats
from schedbench.scheduler.select import select_node
from schedbench.scheduler.session import Session
from schedbench.simulation import loop
from schedbench.simulation.loop import Log, Pods, Progress
from schedbench.simulation.record import EventKind
from schedbench.simulation.rejections import count_rejections


class Batch:
    """The pods that a batch policy is given at an instant, in the order of the queue.

    Attributes
    ----------
    request : int64[B, R]
        Requests, in the rows of the cluster's columns.
    gpu_count, gpu_milli : int64[B]
        GPU devices and milli of each.
    """

    def __init__(self, session: Session, pod_class: NDArray[np.int32]) -> None:
        classes = session.compiled.classes
        self._session = session
        self._class = pod_class
        self.request = classes.request[pod_class]
        self.gpu_count = classes.gpu_count[pod_class]
        self.gpu_milli = classes.gpu_milli[pod_class]

    def __len__(self) -> int:
        return len(self._class)

    def feasible(self, index: int) -> NDArray[np.bool_]:
        """Return on which nodes the pod would fit now, bool[N]."""
        return feasible_nodes(self._session, int(self._class[index]))


def feasible_nodes(session: Session, pod_class: int) -> NDArray[np.bool_]:
    """Return on which nodes a pod of the class would fit now, bool[N]."""
    bad = np.empty(len(session.nodes), dtype=np.int64)
    compiled = session.compiled
    mark_infeasible(
        session.state,
        compiled.classes,
        compiled.static,
        compiled.switches,
        pod_class,
        0,
        len(bad),
        bad,
    )
    return bad >= 0


def read_only(state: ClusterState) -> ClusterState:
    """Return views of the columns that a policy cannot write to."""
    views: dict[str, NDArray[Any]] = {
        name: column.view() for name, column in state._asdict().items()
    }
    for view in views.values():
        view.flags.writeable = False
    return ClusterState(**views)


def make_loop(session: Session, policy: Policy) -> Callable[..., int]:
    """Return a function that stands in for `loop.run_loop`."""
    cluster = read_only(session.state)

    def explained(pods: Pods, progress: Progress, pod: int) -> int:
        cursor = int(progress.counters.cursor[0])
        return explain(session, int(pods.pod_class[pod]), pod, cursor).chosen

    def vectorized(pods: Pods, progress: Progress, pod: int) -> int:
        return _vectorized(session, policy, cluster, pods, progress, pod)

    decide = explained if policy.vectorized is None else vectorized

    def run(
        state: ClusterState,
        compiled: Compiled,
        pods: Pods,
        progress: Progress,
        log: Log,
        scratch: Scratch,
        limit: float,
        most_decisions: int,
    ) -> int:
        steps = _Steps(session, policy, cluster, decide, pods, progress, log)
        return steps.run(limit, most_decisions)

    return run


def _vectorized(
    session: Session,
    policy: Policy,
    cluster: ClusterState,
    pods: Pods,
    progress: Progress,
    pod: int,
) -> int:
    """Choose a node by a user's numpy function."""
    assert policy.vectorized is not None
    pod_class = int(pods.pod_class[pod])
    classes = session.compiled.classes
    seen = Pod(
        classes.request[pod_class],
        classes.nonzero[pod_class],
        int(classes.gpu_count[pod_class]),
        int(classes.gpu_milli[pod_class]),
    )
    feasible = feasible_nodes(session, pod_class)
    scores = np.asarray(policy.vectorized(cluster, seen, feasible), dtype=np.float64)
    if scores.shape != feasible.shape:
        raise PolicyError(
            f"{policy.spec} returned scores of shape {scores.shape}, "
            f"expected {feasible.shape}: one for each node"
        )
    if np.isnan(scores[feasible]).any():
        raise PolicyError(f"{policy.spec} scored a node NaN")
    scratch, choice = session.scratch, session.compiled.choice
    scratch.custom[:] = np.where(feasible, scores, 0.0)
    order_floats(scratch)
    scratch.bad[:] = np.where(feasible, 0, -1)
    cursor = int(progress.counters.cursor[0])
    return int(
        select_node(scratch.score, scratch.bad, choice.tie, choice.key, pod, cursor)
    )


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
    ) -> None:
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
            if self.at.changed[0] > 0 and departure > now and limit > now:
                self._retry()
            elif departure <= arrival and departure <= limit and departure < np.inf:
                self.at.now[0] = departure
                loop.depart(state, classes, self.pods, self.progress, self.log)
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
        waiting = int(np.count_nonzero(self.progress.status == loop.WAITING))
        pods = max(waiting, arriving) + 1
        return bool(
            self.at.logged[0] + 2 * pods > len(self.log.time)
            or self.at.decisions[0] + pods > len(self.log.latency)
        )

    def _arrive(self, group: NDArray[np.int32]) -> None:
        self.at.next_arrival[0] += len(group)
        fresh = []
        for pod in map(int, group):
            if self.progress.status[pod] == loop.GONE:
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
            else:
                loop.wait(self.pods, self.progress, pod)
                self._fail(pod)

    def _retry(self) -> None:
        """Try every waiting pod once, in the order of the queue."""
        waiting = np.flatnonzero(self.progress.status == loop.WAITING)
        queue = waiting[np.argsort(self.pods.rank[waiting])]
        lost = self.progress.evicted[: int(self.at.evicted[0])]
        untried = {int(pod) for pod in self.pods.by_rank[lost]}
        self._empty_queues()
        for pod, node in self._try([int(pod) for pod in queue]):
            if node >= 0:
                self._place(pod, node)
                continue
            if pod in untried:
                self._fail(pod)
            loop.wait(self.pods, self.progress, pod)
        changed = int(self.at.changed[0])
        self.progress.is_changed[self.progress.changed_nodes[:changed]] = 0
        self.at.changed[0] = 0

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
            yield pod, node

    def _try_batch(self, queue: Sequence[int]) -> Iterator[tuple[int, int]]:
        if not queue:
            return
        batch = Batch(self.session, self.pods.pod_class[np.asarray(queue)])
        started = time.perf_counter_ns()
        assert self.policy.batch is not None
        nodes = np.asarray(self.policy.batch(self.cluster, batch))
        self._count(time.perf_counter_ns() - started)
        if nodes.shape != (len(queue),) or nodes.dtype.kind not in "iu":
            raise PolicyError(
                f"{self.policy.spec} returned {nodes.dtype}{list(nodes.shape)}, "
                f"expected an integer for each of {len(queue)} pods"
            )
        for pod, node in zip(queue, nodes, strict=True):
            if node >= 0:
                self._demand_feasible(pod, int(node))
            yield pod, int(node)

    def _demand_feasible(self, pod: int, node: int) -> None:
        count = len(self.session.nodes)
        pod_class = int(self.pods.pod_class[pod])
        if node >= count or not feasible_nodes(self.session, pod_class)[node]:
            name = self.session.encoded.node_names[node] if node < count else node
            raise PolicyError(
                f"{self.policy.spec} chose an infeasible node for pod "
                f"{self.session.encoded.workload.pods.name(pod)}: {name}"
            )

    def _count(self, nanoseconds: int) -> None:
        self.log.latency[int(self.at.decisions[0])] = nanoseconds
        self.at.decisions[0] += 1

    def _write(self, kind: int, pod: int) -> None:
        loop.write(self.progress, self.log, int(kind), pod, -1, 0)

    def _place(self, pod: int, node: int) -> None:
        state, classes = self.session.state, self.session.compiled.classes
        loop.place(state, classes, self.pods, self.progress, self.log, pod, node)

    def _fail(self, pod: int) -> None:
        pod_class = int(self.pods.pod_class[pod])
        bad = np.where(feasible_nodes(self.session, pod_class), 0, -1)
        self._write(EventKind.UNSCHEDULABLE, pod)
        state, compiled = self.session.state, self.session.compiled
        count_rejections(state, compiled, pod_class, bad, self.log.rejections)
