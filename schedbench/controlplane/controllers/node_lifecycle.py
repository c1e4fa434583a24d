"""Node lifecycle: who is heard no more is Unknown, tainted, and emptied by its zone.

Source: docs.kubernetes.io "Nodes", "Taints and Tolerations";
`pkg/controller/nodelifecycle/node_lifecycle_controller.go`. What looks at nodes every
period there is done here at the period's next beat after something has changed.
"""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Call, Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.node_taints import (
    is_emptied,
    ready_status,
    wanted_taints,
)
from schedbench.controlplane.controllers.owned import is_ready
from schedbench.controlplane.controllers.pods_by_node import PodsByNode
from schedbench.controlplane.controllers.zones import (
    ZoneQueue,
    eviction_rate,
    zone_of,
    zone_state,
)
from schedbench.controlplane.leases import NodeLeases
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node, NodeCondition
from schedbench.objects.pod import Pod, PodCondition

CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""What becomes Unknown with a node that is heard no more."""


class NodeLifecycle(Controller):
    """Watches the nodes' heartbeats; its keys are nodes."""

    name = "node-lifecycle-controller"
    workers = 8
    leases: ClassVar[NodeLeases]

    @classmethod
    def over(cls, leases: NodeLeases) -> type[NodeLifecycle]:
        """Return the controller that watches these heartbeats."""
        return type(cls.__name__, (cls,), {"leases": leases})

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._own = parameters.cluster_controllers.node_lifecycle
        self._pods = PodsByNode(informers)
        self._probed = clock.now
        self._joined: dict[str, float] = {}
        self._suspects: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._ready: dict[str, tuple[str, str]] = {}
        self._zones: dict[str, ZoneQueue] = {}
        self._empty: dict[str, bool] = {}
        self._unready_pods: dict[str, None] = {}
        self._all_lost = False
        self._pass: Timer | None = None
        self._nodes = informers["Node"]
        informers.listen("Node", self._seen)
        self.leases.listen(self._heard)

    def stop(self) -> None:
        """Crash: timers and what was observed are forgotten."""
        super().stop()
        self.leases.ignore(self._heard)
        if self._pass is not None:
            self._pass.cancel()
        for zone in self._zones.values():
            zone.stop()

    def reconcile(self, key: str) -> Sync:
        """Write down that a node is lost, taint it, and unready its pods."""
        node = self._nodes.store.get(key)
        if not isinstance(node, Node):
            return None
        if self._is_stale(key) and ready_status(node) != "Unknown":
            answers = yield [
                self.call(
                    self.api.patch, "Node", "", key, _to_unknown, subresource="status"
                )
            ]
            if answers[0].error is not None:
                reason = answers[0].error.reason
                return None if reason == "NotFound" else answers[0].error
            if isinstance(answers[0].object, Node):
                node = answers[0].object
        calls: list[Call] = []
        empty = self._empty.get(key)

        def taint(item: ApiObject) -> ApiObject | None:
            assert isinstance(item, Node)
            taints = wanted_taints(item, empty)
            if taints == item.spec.taints:
                return None
            spec = msgspec.structs.replace(item.spec, taints=taints)
            return msgspec.structs.replace(item, spec=spec)

        if wanted_taints(node, empty) != node.spec.taints:
            calls.append(self.call(self.api.patch, "Node", "", key, taint))
        was_ready = key in self._unready_pods
        if was_ready and ready_status(node) not in {"True", ""}:
            calls += [
                self.call(
                    self.api.patch,
                    "Pod",
                    pod.metadata.namespace,
                    pod.metadata.name,
                    _unready,
                    subresource="status",
                )
                for pod in self._pods.of(key).values()
                if is_ready(pod)
            ]
        answers = yield calls
        for answer in answers:
            if answer.error is not None and answer.error.reason != "NotFound":
                return answer.error
        if was_ready:
            self._unready_pods.pop(key, None)
        return None

    def _seen(self, event: WatchEvent) -> None:
        node = event.object
        assert isinstance(node, Node)
        name = node.metadata.name
        if event.type == "DELETED":
            self._forget(name)
            return
        status, before = ready_status(node), self._ready.get(name)
        self._ready[name] = (zone_of(node), status)
        if before is None:
            self._joined[name] = self.clock.now
            if not self.leases.is_heard(name):
                self._suspect(name)
        if before != self._ready[name]:
            if before is not None and before[0] != self._ready[name][0]:
                self._leave_zone(name, before[0])
            self._changed[name] = None
            self._arm(self.clock.now)
            if before is not None and before[1] == "True":
                self._unready_pods[name] = None
        if self._is_stale(name) and status != "Unknown":
            self._suspect(name)
        if needs_taints(node, self._empty.get(name)) or name in self._unready_pods:
            self.queue.add(name)

    def _forget(self, name: str) -> None:
        self._leave_zone(name, self._ready.pop(name, ("", ""))[0])
        for place in (self._suspects, self._changed, self._unready_pods):
            place.pop(name, None)
        self._joined.pop(name, None)
        self._empty.pop(name, None)
        self._arm(self.clock.now)

    def _leave_zone(self, name: str, zone: str) -> None:
        if zone in self._zones:
            self._zones[zone].remove(name)

    def _heard(self, node: str | None, heard: bool) -> None:
        for name in self._ready if node is None else (node,):
            if heard and self.leases.is_heard(name):
                self._suspects.pop(name, None)
            elif name in self._ready:
                self._suspect(name)

    def _suspect(self, name: str) -> None:
        self._suspects[name] = None
        self._arm(self._stale_at(name))

    def _stale_at(self, name: str) -> float:
        own, renewed = self._own, self.leases.renewed_at(name, self.clock.now)
        if renewed == -math.inf:
            joined = max(self._joined.get(name, self._probed), self._probed)
            return joined + own.node_startup_grace_period
        return max(renewed, self._probed) + own.node_monitor_grace_period

    def _is_stale(self, name: str) -> bool:
        return self.clock.now > self._stale_at(name)

    def _arm(self, time: float) -> None:
        """Have a look at the nodes at the first beat after a time."""
        period = self._own.node_monitor_period
        beat = (math.floor(max(time, self.clock.now) / period) + 1) * period
        if self._pass is not None:
            if self._pass.time <= beat:
                return
            self._pass.cancel()
        self._pass = self.clock.at(beat, self._look)

    def _look(self) -> None:
        """Do what a monitoring pass does, for what has changed since the last."""
        self._pass = None
        self._judge_zones()
        changed, self._changed = self._changed, {}
        for name in changed:
            self._judge(name)
        soonest = math.inf
        for name in list(self._suspects):
            stale_at = self._stale_at(name)
            if self.clock.now > stale_at:
                del self._suspects[name]
                self.queue.add(name)
            elif self.leases.is_heard(name):
                del self._suspects[name]
            else:
                soonest = min(soonest, stale_at)
        if soonest < math.inf:
            self._arm(soonest)

    def _judge(self, name: str) -> None:
        """Let a node that is not ready wait for its NoExecute taint."""
        zone, status = self._ready[name]
        if status == "True":
            self._zones[zone].remove(name)
            self._empty[name] = False
            self.queue.add(name)
        elif status and not self._all_lost:
            node = self._nodes.store.get(name)
            if isinstance(node, Node) and is_emptied(node):
                self._emptied(name)
            else:
                self._zones[zone].add(name)

    def _judge_zones(self) -> None:
        counts: dict[str, list[int]] = {}
        for zone, status in self._ready.values():
            count = counts.setdefault(zone, [0, 0])
            count[0] += status == "True"
            count[1] += 1
        threshold = self._own.unhealthy_zone_threshold
        states = {
            zone: zone_state(ready, total, threshold)
            for zone, (ready, total) in counts.items()
        }
        were_all_lost = self._all_lost
        self._all_lost = bool(states) and all(
            state == "FullDisruption" for state in states.values()
        )
        for zone, state in states.items():
            rate = eviction_rate(state, counts[zone][1], self._own)
            rate = 0.0 if self._all_lost else rate
            if zone not in self._zones:
                self._zones[zone] = ZoneQueue(self.clock, rate, self._emptied)
            self._zones[zone].set_rate(rate)
        if self._all_lost and not were_all_lost:
            for queue in self._zones.values():
                queue.stop()
            for name in self._ready:
                self._empty[name] = False
                self.queue.add(name)
        elif were_all_lost and not self._all_lost:
            self._probed = self.clock.now
            self._changed.update(dict.fromkeys(self._ready))

    def _emptied(self, name: str) -> None:
        self._empty[name] = True
        self.queue.add(name)


def needs_taints(node: Node, empty: bool | None) -> bool:
    """Return whether a node's taints differ from what its conditions say."""
    plain = not node.spec.taints and not node.spec.unschedulable
    conditions = node.status.conditions
    if plain and len(conditions) == 1 and conditions[0].status == "True":
        return conditions[0].type != "Ready"
    return wanted_taints(node, empty) != node.spec.taints


def _to_unknown(item: ApiObject) -> ApiObject | None:
    assert isinstance(item, Node)
    conditions = [c for c in item.status.conditions if c.type not in CONDITIONS]
    conditions += [
        NodeCondition(type=kind, status="Unknown", reason="NodeStatusUnknown")
        for kind in CONDITIONS
    ]
    if conditions == item.status.conditions:
        return None
    status = msgspec.structs.replace(item.status, conditions=conditions)
    return msgspec.structs.replace(item, status=status)


def _unready(item: ApiObject) -> ApiObject | None:
    assert isinstance(item, Pod)
    if not is_ready(item):
        return None
    conditions = [
        PodCondition(type="Ready", status="False", reason="NodeNotReady")
        if condition.type == "Ready"
        else condition
        for condition in item.status.conditions
    ]
    status = msgspec.structs.replace(item.status, conditions=conditions)
    return msgspec.structs.replace(item, status=status)
