"""Pod garbage collection: pods that nobody else deletes.

Source: docs.kubernetes.io "Pod Lifecycle: Garbage collection of Pods";
`pkg/controller/podgc/gc_controller.go`. Sweeps happen at the beats of their period at
which there is something to sweep.
"""

from __future__ import annotations

import math

import msgspec

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod, PodCondition

TERMINAL = frozenset({"Succeeded", "Failed"})


class PodGc(Controller):
    """Sweeps orphans, finished pods over the threshold, and the never scheduled."""

    name = "pod-garbage-collector-controller"

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._own = parameters.cluster_controllers.pod_gc
        self._nodes, self._pods = informers["Node"], informers["Pod"]
        self._finished: dict[str, None] = {}
        self._unscheduled: dict[str, None] = {}
        self._homeless: dict[str, None] = {}
        self._gone_since: dict[str, float] = {}
        self._timer: Timer | None = None
        informers.listen("Pod", self._pod_seen)
        informers.listen("Node", self._node_seen)

    def stop(self) -> None:
        """Crash."""
        super().stop()
        if self._timer is not None:
            self._timer.cancel()

    def reconcile(self, key: str) -> Sync:
        """Delete a pod by force; an orphan is marked as failed before."""
        pod = self._pods.store.get(key)
        if not isinstance(pod, Pod):
            return None
        meta = pod.metadata
        if key in self._homeless:
            node = pod.spec.node_name or ""
            answers = yield [self.call(self.api.get, "Node", "", node)]
            error = answers[0].error
            if error is None or error.reason != "NotFound":
                return error
            if pod.status.phase not in TERMINAL:
                patch = self.api.patch
                answers = yield [
                    self.call(
                        patch,
                        "Pod",
                        meta.namespace,
                        meta.name,
                        _failed,
                        subresource="status",
                    )
                ]
                if (error := answers[0].error) is not None:
                    return None if error.reason == "NotFound" else error
        delete = self.api.delete
        answers = yield [
            self.call(delete, "Pod", meta.namespace, meta.name, grace=0, uid=meta.uid)
        ]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error

    def _pod_seen(self, event: WatchEvent) -> None:
        pod, key = event.object, event.key
        assert isinstance(pod, Pod)
        if event.type == "DELETED":
            for place in (self._finished, self._unscheduled, self._homeless):
                place.pop(key, None)
            return
        node = pod.spec.node_name
        if pod.status.phase in TERMINAL:
            self._finished[key] = None
            threshold = self._own.terminated_pod_threshold
            if 0 < threshold < len(self._finished):
                self._arm()
        if node and node not in self._nodes.store:
            self._gone_since.setdefault(node, self.clock.now)
            self._homeless[key] = None
            self._arm()
        if not node and pod.metadata.deletion_timestamp is not None:
            self._unscheduled[key] = None
            self._arm()

    def _node_seen(self, event: WatchEvent) -> None:
        name = event.object.metadata.name
        if event.type == "DELETED":
            for pod in self._pods:
                if isinstance(pod, Pod) and pod.spec.node_name == name:
                    self._homeless[pod.key] = None
            self._gone_since[name] = self.clock.now
            self._arm()
        elif event.type == "ADDED":
            self._gone_since.pop(name, None)

    def _arm(self) -> None:
        if self._timer is None and not self._stopped:
            period = self._own.period
            beat = (math.floor(self.clock.now / period) + 1) * period
            self._timer = self.clock.at(beat, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        threshold = self._own.terminated_pod_threshold
        if threshold > 0:
            surplus = len(self._finished) - threshold
            for key in list(self._finished)[: max(surplus, 0)]:
                self.queue.add(key)
        for key in list(self._unscheduled):
            pod = self._pods.store.get(key)
            if isinstance(pod, Pod) and not pod.spec.node_name:
                self.queue.add(key)
            else:
                del self._unscheduled[key]
        for key in list(self._homeless):
            pod = self._pods.store.get(key)
            node = (pod.spec.node_name or "") if isinstance(pod, Pod) else ""
            if node in self._nodes.store:
                del self._homeless[key]
            elif self.clock.now - self._gone_since[node] < self._own.quarantine:
                self._arm()
            else:
                self.queue.add(key)


def _failed(item: ApiObject) -> ApiObject | None:
    assert isinstance(item, Pod)
    target = PodCondition(
        type="DisruptionTarget", status="True", reason="DeletionByPodGC"
    )
    status = msgspec.structs.replace(
        item.status, phase="Failed", conditions=[*item.status.conditions, target]
    )
    return msgspec.structs.replace(item, status=status)
