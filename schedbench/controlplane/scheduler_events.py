"""What the scheduler does when it hears of a change.

Source: kubernetes v1.34 pkg/scheduler/eventhandlers.go: pods that have ended, or have
another scheduler's name, are none of its business; pods with a node go to its cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.scheduler_cycle import kind_of
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.scheduler.config import DEFAULT_SCHEDULER

if TYPE_CHECKING:
    from schedbench.controlplane.scheduler import Scheduler

ENDED = frozenset({"Succeeded", "Failed"})


class Listener:
    """Takes what informers tell to the queue and to the cluster of a scheduler."""

    def __init__(
        self, scheduler: Scheduler, stamp: Callable[[Pod, str], None] | None
    ) -> None:
        self._scheduler = scheduler
        self._cluster = scheduler.cluster
        self._queue = scheduler.queue
        self._clock = scheduler.clock
        self._stamp = stamp

    def on_object(self, event: WatchEvent) -> None:
        """Take in a change of an object that is neither node nor pod."""
        item = cast("KubernetesObject", event.object)
        gone = event.type == "DELETED"
        if gone:
            self._cluster.drop_object(item)
        else:
            self._cluster.put_object(item)
        self._observe(event.old, None if gone else item)

    def on_node(self, event: WatchEvent) -> None:
        """Take in a change of a node."""
        node = cast("Node", event.object)
        if event.type == "DELETED":
            self._cluster.drop_node(node.metadata.name)
            self._observe(node, None)
        else:
            self._cluster.put_node(node)
            self._observe(event.old, node)

    def on_pod(self, event: WatchEvent) -> None:
        """Take in a change of a pod."""
        pod, old = cast("Pod", event.object), cast("Pod | None", event.old)
        if event.type == "DELETED" or pod.status.phase in ENDED:
            self._gone(pod)
        elif pod.spec.node_name:
            self._assigned(old, pod)
        else:
            self._waiting(old, pod)

    def _observe(self, old: object | None, new: object | None) -> None:
        if len(self._queue):
            self._queue.observe(old, new, self._clock.now)  # type: ignore[arg-type]
            self._scheduler.wake()

    def _gone(self, pod: Pod) -> None:
        cluster, key = self._cluster, pod.key
        if key in cluster.pods and key not in self._scheduler.assumed:
            placed = cluster.take(key)
            assert placed is not None
            self._observe(placed.pod, None)
            return
        if not pod.spec.node_name:
            cluster.leave(pod)
            self._queue.delete(pod, self._clock.now)
            self._scheduler.wake()

    def _assigned(self, old: Pod | None, pod: Pod) -> None:
        cluster, key = self._cluster, pod.key
        node = self._scheduler.assumed.pop(key, None)
        if node is not None and node != pod.spec.node_name:
            cluster.take(key)
        if key in cluster.pods:
            cluster.update(pod)
        else:
            cluster.place(pod, self._clock.now)
        self._observe(old, pod)

    def _waiting(self, old: Pod | None, pod: Pod) -> None:
        cluster, queue = self._cluster, self._queue
        known = queue.get(pod)
        if known is None:
            if self._is_assumed(pod):  # it is bound; this is from before
                return
            name = pod.spec.scheduler_name or DEFAULT_SCHEDULER
            if name not in cluster.settings or pod.metadata.deletion_timestamp:
                return
            number = cluster.wait(pod)
            if self._stamp is not None:
                self._stamp(pod, "seen_by_scheduler")
            cluster.nominate(pod, pod.status.nominated_node_name)
            queue.add(pod, self._clock.now, kind_of(pod, number))
        else:
            before = known.pod
            if pod.key not in cluster.pods:
                cluster.wait(pod)
                self._renominate(before, pod)
            queue.update(before, pod, self._clock.now)
        self._scheduler.wake()

    def _is_assumed(self, pod: Pod) -> bool:
        placed = self._cluster.pods.get(pod.key)
        return (
            placed is not None
            and pod.key in self._scheduler.assumed
            and placed.pod.metadata.uid == pod.metadata.uid
        )

    def _renominate(self, before: Pod, pod: Pod) -> None:
        told = pod.status.nominated_node_name
        if told == before.status.nominated_node_name:
            told = self._cluster.nominated.get(pod.key, (pod, None))[1]
        self._cluster.nominate(pod, told)
