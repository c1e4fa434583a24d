"""What happens to a cluster from outside: pods and nodes come, change and go."""

from __future__ import annotations

import collections

import numpy as np

from schedbench.errors import NotModelledError
from schedbench.objects.resources import pod_requests
from schedbench.objects.workload import NodeEvent, PodUpdate
from schedbench.simulation import loop
from schedbench.simulation.columns import BOUND, GONE, WAITING
from schedbench.simulation.queued.cluster import QueuedCluster
from schedbench.simulation.queued.pods import on_node
from schedbench.simulation.record import EventKind


class Events:
    """The events of a workload, in order; at equal times departures come first.

    Then come changes of nodes, changes of pods, and arrivals.
    """

    def __init__(self, cluster: QueuedCluster) -> None:
        self.cluster = cluster
        workload = cluster.encoded.workload
        changes: list[NodeEvent | PodUpdate] = []
        changes += [*workload.node_events, *workload.pod_updates]
        changes.sort(key=lambda one: one.time)
        self._changes = collections.deque(changes)

    def next_change(self) -> float:
        """Return when a node or a pod changes next; inf if none will."""
        return self._changes[0].time if self._changes else np.inf

    def next_time(self) -> float:
        """Return when anything happens next; inf if nothing will."""
        cluster = self.cluster
        coming = min(cluster.next_departure(), cluster.next_arrival())
        return min(coming, self.next_change())

    def happen(self, now: float) -> None:
        """Let everything happen that is due."""
        cluster = self.cluster
        cluster.progress.counters.now[0] = now
        while cluster.next_departure() <= now:
            self._depart()
        while self._changes and self._changes[0].time <= now:
            change = self._changes.popleft()
            if isinstance(change, NodeEvent):
                self._change_node(change)
            else:
                self._change_pod(change)
        while cluster.next_arrival() <= now:
            self._arrive()

    def _depart(self) -> None:
        cluster = self.cluster
        cluster.make_room_in_log()
        log, at = cluster.log, cluster.progress.counters
        before = int(at.logged[0])
        session = cluster.session
        classes = session.compiled.classes
        index = cluster.memory.index
        loop.depart(session.state, classes, cluster.pods, cluster.progress, log, index)
        if at.logged[0] == before:
            return
        pod, slot = int(log.pod[before]), int(log.node[before])
        if slot >= 0:
            cluster.leave(pod, slot)
        else:
            cluster.give_up(pod)

    def _arrive(self) -> None:
        cluster = self.cluster
        at, status = cluster.progress.counters, cluster.progress.status
        pod = int(cluster.pods.order[at.next_arrival[0]])
        slot = int(cluster.pods.node[pod])
        if slot >= 0 and cluster.world.is_alive(slot) and status[pod] != GONE:
            self._arrive_bound(pod, slot)
            return
        at.next_arrival[0] += 1
        if status[pod] != GONE:
            cluster.write(EventKind.ARRIVE, -1, pod)
            cluster.wait(pod)

    def _arrive_bound(self, pod: int, slot: int) -> None:
        cluster = self.cluster
        cluster.make_room_in_log()
        session = cluster.session
        columns = cluster.pods, cluster.progress, cluster.log, cluster.memory.index
        loop.arrive(session.state, session.compiled, *columns)
        cluster.enter(pod, slot)
        if len(cluster.queue):
            came = on_node(cluster.objects[pod], cluster.world.names[slot])
            cluster.queue.observe(None, came, cluster.now)

    def _change_node(self, event: NodeEvent) -> None:
        cluster, world = self.cluster, self.cluster.world
        slot = cluster.node_slot(event)
        is_there = world.is_alive(slot)
        before = cluster.session.nodes.objects[slot] if is_there else None
        evicted: list[int] = []
        if event.change == "remove":
            here = cluster.pods_on(slot)
            evicted = here.tolist()
            for pod in evicted:
                cluster.take(pod, EventKind.EVICT)
            cluster.forget_finishes(here)
            world.leave(event.node.metadata.name)
            cluster.queue.observe(before, None, event.time)
        else:
            world.join(event.node)
            cluster.queue.observe(before, event.node, event.time)
        cluster.version += 1
        cluster.memory.note_node(slot)
        cluster.note_capacity(event, slot)
        for pod in evicted:
            cluster.objects.nominate(pod, None)
            cluster.wait(pod)

    def _change_pod(self, update: PodUpdate) -> None:
        """Give a pod another template.

        Raises
        ------
        NotModelledError
            If a pod on a node would ask for other resources.
        """
        cluster, pod = self.cluster, update.pod
        if cluster.progress.status[pod] == BOUND:
            cluster.world.settle(int(cluster.progress.place[pod]))
        before = cluster.objects[pod]
        after = cluster.objects.change(pod, update.template)
        pod_class = int(cluster.encoded.class_of_template[update.template])
        cluster.pods.pod_class[pod] = pod_class
        status = cluster.progress.status[pod]
        if status == WAITING and cluster.waits(pod):
            nominated = cluster.world.nominated.get(after.key)
            if nominated is not None:
                cluster.world.nominate(after, pod_class, nominated.slot)
            cluster.version += 1
            kind = cluster.objects.kind(pod)
            cluster.queue.update(before, after, cluster.now, kind)
        elif status == BOUND:
            if pod_requests(before) != pod_requests(after):
                raise NotModelledError(
                    "a running pod is resized",
                    where=f"{update.time} s",
                    value=after.key,
                )
            cluster.replace(pod, before)
