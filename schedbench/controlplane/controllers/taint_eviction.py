"""Taint-based eviction: pods leave nodes whose NoExecute taints they do not bear.

Source: docs.kubernetes.io "Taints and Tolerations: Taint based Evictions";
`pkg/controller/tainteviction/taint_eviction.go`.
"""

from __future__ import annotations

import math

import msgspec

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.pods_by_node import PodsByNode
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodCondition
from schedbench.objects.taints import Taint, tolerates

TARGET = PodCondition(
    type="DisruptionTarget", status="True", reason="DeletionByTaintManager"
)


def tolerated_for(pod: Pod, taints: list[Taint]) -> float:
    """Return how many seconds a pod bears the taints: the least of its tolerations.

    0 if it does not bear one of them, ∞ if no toleration has an end.
    """
    shortest = math.inf
    for taint in taints:
        matching = [t for t in pod.spec.tolerations if tolerates(t, taint)]
        if not matching:
            return 0.0
        for toleration in matching:
            if toleration.toleration_seconds is not None:
                shortest = min(shortest, max(toleration.toleration_seconds, 0))
    return shortest


class TaintEviction(Controller):
    """Deletes pods from tainted nodes, each when its toleration ends."""

    name = "taint-eviction-controller"
    workers = 8

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._taints: dict[str, list[Taint]] = {}
        self._timers: dict[str, Timer] = {}
        self._due: dict[str, None] = {}
        self._pods = PodsByNode(informers)
        informers.listen("Node", self._node_seen)
        informers.listen("Pod", self._pod_seen)

    def stop(self) -> None:
        """Crash: tolerations that run begin anew when it comes up."""
        super().stop()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def reconcile(self, key: str) -> Sync:
        """Mark a pod as disrupted, then delete it."""
        pod = self.informers["Pod"].store.get(key)
        if key not in self._due or not isinstance(pod, Pod):
            return None
        if pod.metadata.deletion_timestamp is not None:
            return None
        meta = pod.metadata

        def mark(item: ApiObject) -> ApiObject | None:
            assert isinstance(item, Pod)
            if item.metadata.uid != meta.uid or TARGET in item.status.conditions:
                return None
            conditions = [*item.status.conditions, TARGET]
            status = msgspec.structs.replace(item.status, conditions=conditions)
            return msgspec.structs.replace(item, status=status)

        namespace, name = meta.namespace, meta.name
        patch, delete = self.api.patch, self.api.delete
        answers = yield [
            self.call(patch, "Pod", namespace, name, mark, subresource="status")
        ]
        error = answers[0].error
        if error is None and key in self._due:
            answers = yield [self.call(delete, "Pod", namespace, name, uid=meta.uid)]
            error = answers[0].error
        if error is not None and error.reason != "NotFound":
            return error
        return None

    def _node_seen(self, event: WatchEvent) -> None:
        node = event.object
        assert isinstance(node, Node)
        name = node.metadata.name
        taints = [t for t in node.spec.taints if t.effect == "NoExecute"]
        if event.type == "DELETED":
            taints = []
        if taints == self._taints.get(name, []):
            return
        if taints:
            self._taints[name] = taints
        else:
            self._taints.pop(name, None)
        for key, pod in list(self._pods.of(name).items()):
            self._judge(key, pod)

    def _pod_seen(self, event: WatchEvent) -> None:
        pod = event.object
        assert isinstance(pod, Pod)
        if event.type == "DELETED":
            self._cancel(event.key)
        elif self._taints and pod.spec.node_name in self._taints:
            self._judge(event.key, pod)

    def _judge(self, key: str, pod: Pod) -> None:
        taints = self._taints.get(pod.spec.node_name or "")
        if pod.metadata.deletion_timestamp is not None:
            return
        seconds = math.inf if taints is None else tolerated_for(pod, taints)
        if seconds == math.inf:
            self._cancel(key)
        elif key in self._due:
            return
        elif seconds == 0:
            self._cancel(key)
            self._evict(key)
        elif key not in self._timers:
            self._timers[key] = self.clock.after(seconds, self._evict, key)

    def _evict(self, key: str) -> None:
        self._timers.pop(key, None)
        self._due[key] = None
        self.queue.add(key)

    def _cancel(self, key: str) -> None:
        self._due.pop(key, None)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
