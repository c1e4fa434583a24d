"""Pods that wait in line at one instant, bound by the compiled loop."""

from __future__ import annotations

import numpy as np

from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.simulation.columns import Log, Pods, Progress
from schedbench.simulation.prepare import grow_log
from schedbench.simulation.queued.cluster import QueuedCluster
from schedbench.simulation.queued.stretch import CompiledStretch
from schedbench.simulation.record import EventKind


class CompiledBatch:
    """The compiled loop, for the pods at the head of the line.

    The line is given to the loop as if its pods arrived now. As long as none of them
    moves a pod that waits aside when it comes to its node, the line stays as it is.
    """

    def __init__(self, cluster: QueuedCluster, stretch: CompiledStretch) -> None:
        self.cluster = cluster
        self._stretch = stretch
        pods = cluster.pods
        self._pods = pods._replace(
            arrival=np.zeros_like(pods.arrival),
            node=np.full_like(pods.node, -1),
            deletions=np.zeros_like(pods.deletions[:0]),
        )
        self._stuck: tuple[int, int] | None = None

    def run(self) -> None:
        """Bind the pods at the head of the line, up to the first that is not to be."""
        cluster = self.cluster
        head = cluster.queue.waiting.peek()
        if head is None or cluster.world.nominated or not self._stretch.usable:
            return
        pod_class = cluster.class_of(head)
        if cluster.fails(pod_class) or self._stuck == (cluster.version, pod_class):
            return
        now = cluster.now
        end = float(np.nextafter(now, np.inf))
        if cluster.next_departure() <= end:
            return
        line, numbers = self._line(end - now)
        if not line:
            return
        log = self._bind(numbers, now, end)
        self._enter(line, log)
        if len(log.pod) < len(line):
            stuck = line[len(log.pod)]
            self._stuck = cluster.version, cluster.class_of(stuck)

    def _line(self, shortest: float) -> tuple[list[QueuedPod], list[int]]:
        """Return the head of the line, and the numbers of its pods."""
        cluster = self.cluster
        line, numbers = [], []
        for queued in cluster.queue.waiting.line():
            pod = cluster.objects.index(queued.key)
            if (
                self._stretch.is_special[pod]
                or cluster.pods.duration[pod] <= shortest
                or self._stretch.parked.moves(int(cluster.pods.pod_class[pod]))
            ):
                break
            line.append(queued)
            numbers.append(pod)
        return line, numbers

    def _bind(self, numbers: list[int], now: float, end: float) -> Log:
        """Let the loop bind pods, up to the first that fits nowhere; return its log."""
        cluster = self.cluster
        at = cluster.progress.counters
        while at.decisions[0] + len(numbers) >= len(cluster.log.latency):
            cluster.log = grow_log(cluster.log)
        order = np.array(numbers, dtype=self._pods.order.dtype)
        self._pods.arrival[order] = now
        pods: Pods = self._pods._replace(pod_class=cluster.pods.pod_class, order=order)
        counters = at._replace(
            next_arrival=np.zeros(1, dtype=np.int64),
            next_deletion=np.zeros(1, dtype=np.int64),
            logged=np.zeros(1, dtype=np.int64),
        )
        progress: Progress = cluster.progress._replace(counters=counters)
        log = cluster.log._replace(
            **{
                name: np.zeros_like(
                    getattr(cluster.log, name), shape=2 * len(order) + 2
                )
                for name in ("time", "kind", "pod", "node", "devices")
            }
        )
        self._stretch.step(pods, progress, log, end, len(order) + 1)
        binds = np.flatnonzero(log.kind[: counters.logged[0]] == EventKind.BIND)
        return log._replace(
            time=log.time[binds],
            kind=log.kind[binds],
            pod=log.pod[binds],
            node=log.node[binds],
            devices=log.devices[binds],
        )

    def _enter(self, line: list[QueuedPod], made: Log) -> None:
        """Take the pods that were bound off the line, and log that they were."""
        cluster = self.cluster
        at, count = cluster.progress.counters, len(made.pod)
        first = int(at.logged[0])
        while first + count + 2 > len(cluster.log.time):
            cluster.log = grow_log(cluster.log)
        here = slice(first, first + count)
        for name in ("time", "kind", "pod", "node", "devices"):
            getattr(cluster.log, name)[here] = getattr(made, name)
        at.logged[0] = first + count
        cluster.entry[made.pod] = np.arange(first, first + count)
        cluster.version += count
        for entry, (queued, slot) in enumerate(
            zip(line, made.node.tolist(), strict=False), first
        ):
            popped = cluster.queue.pop(cluster.now)
            assert popped is queued
            cluster.queue.done(queued)
            cluster.world.later(slot, entry)
