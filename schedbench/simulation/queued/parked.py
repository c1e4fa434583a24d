"""Pods that wait, and until when nothing that the compiled loop does moves them."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.plugins.gang_scheduling import GangScheduling
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.events import Action, Event, Resource
from schedbench.scheduler.queueing.requeue import Requeue
from schedbench.simulation.columns import ABSENT, BOUND
from schedbench.simulation.queued.cluster import QueuedCluster
from schedbench.simulation.queued.pods import on_node

SOMEWHERE = "somewhere"
"""The node of a pod of which only its class matters; hints look at no more."""

MOST_KINDS = 16
"""Kinds of waiting pods that are asked which events move them."""

_Asked = tuple[Hashable, frozenset[str], frozenset[str], Action]


class ParkedPods:
    """What the compiled loop must not do, lest a waiting pod is to be tried again.

    Pods that come to nodes, and those that go, are events to the queue, of the pod's
    class: which of them move a waiting pod is asked once for each kind of pods and who
    rejected them.
    """

    def __init__(self, cluster: QueuedCluster) -> None:
        self._cluster = cluster
        stream = cluster.encoded.workload.pods
        self._arrivals = stream.arrival[cluster.pods.order]
        self._goes = bool(
            np.isfinite(stream.duration).any() or np.isfinite(stream.deletion).any()
        )
        self._asked: dict[_Asked, NDArray[np.bool_]] = {}
        self._at = -1
        self._coming: NDArray[np.bool_] | None = None
        self._going: NDArray[np.bool_] | None = None

    def until(self, limit: float) -> float:
        """Return the time before which the loop may do everything, `limit` at most."""
        cluster = self._cluster
        if not len(cluster.queue):
            return limit
        limit = min(limit, cluster.queue.next_time(cluster.now))
        if limit <= cluster.now:
            return limit
        self._look()
        if self._coming is not None:
            limit = min(limit, self._next_arrival(self._coming))
        if self._going is not None and self._goes:
            limit = min(limit, self._next_departure(self._going))
        return limit

    def moves(self, pod_class: int) -> bool:
        """Return whether a waiting pod moves when one of a class comes to a node."""
        self._look()
        return self._coming is not None and bool(self._coming[pod_class])

    def any_leaves(self) -> bool:
        """Return whether a waiting pod may move when pods go from their nodes."""
        self._look()
        return self._going is not None

    def _look(self) -> None:
        """See who waits, if that has changed."""
        version = self._cluster.queue.waiting.pool.version
        if version != self._at:
            self._at = version
            self._coming = self._movers(Action.ADD)
            self._going = self._movers(Action.DELETE)

    def _movers(self, action: Action) -> NDArray[np.bool_] | None:
        """Return the classes whose pods move somebody; None if none does.

        Where many kinds wait, who comes and goes may be many as well: all do then.
        """
        queue = self._cluster.queue
        event = Event(Resource.ASSIGNED_POD, action)
        found = np.zeros(len(self._cluster.encoded.class_pods), dtype=np.bool_)
        matters = partial(queue.hints.matters, event)
        for count, queued in enumerate(queue.waiting.pool.kinds(matters)):
            found |= count >= MOST_KINDS or self._moved(queued, action)
            if found.all():
                break
        return found if found.any() else None

    def _moved(self, queued: QueuedPod, action: Action) -> NDArray[np.bool_]:
        """Return which classes' pods move pods of a kind, bool[class]."""
        by, pending = queued.unschedulable_plugins, queued.pending_plugins
        key = (queued.kind, by, pending, action)
        if key not in self._asked:
            worth = self._cluster.queue.hints.worth
            self._asked[key] = np.array(
                [
                    GangScheduling.name in queued.rejectors
                    or uses_volumes(pod)
                    or worth(queued, [class_event(pod, action)]) is not Requeue.SKIP
                    for pod in self._cluster.encoded.class_pods
                ]
            )
        return self._asked[key]

    def _next_arrival(self, moves: NDArray[np.bool_]) -> float:
        pods = self._cluster.pods
        first = int(self._cluster.progress.counters.next_arrival[0])
        blocks = moves[pods.pod_class[pods.order[first:]]]
        at = int(blocks.argmax()) if len(blocks) else 0
        return float(self._arrivals[first + at]) if blocks.any() else np.inf

    def _next_departure(self, moves: NDArray[np.bool_]) -> float:
        """Return a time before which no pod of such a class leaves its node."""
        pods, progress = self._cluster.pods, self._cluster.progress
        bound = progress.status == BOUND
        end = np.where(bound, progress.finish, pods.arrival + pods.duration)
        end = np.minimum(end, pods.deletion)
        matter = moves[pods.pod_class] & (bound | (progress.status == ABSENT))
        first = float(end[matter].min(initial=np.inf))
        return float(np.nextafter(first, -np.inf)) if first < np.inf else first


def class_event(pod: Pod, action: Action) -> Event:
    """Return the event that a pod of a class comes to some node, or goes from it."""
    meta = msgspec.structs.replace(pod.metadata, name="")
    there = on_node(msgspec.structs.replace(pod, metadata=meta), SOMEWHERE)
    old = there if action is Action.DELETE else None
    new = None if action is Action.DELETE else there
    return Event(Resource.ASSIGNED_POD, action, old, new)
