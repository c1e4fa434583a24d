"""HorizontalPodAutoscaler: replicas follow the use of resources.

Source: docs.kubernetes.io "Horizontal Pod Autoscaling";
`pkg/controller/podautoscaler/horizontal.go`. Each autoscaler is looked at every sync
period; without one nothing happens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.owned import is_ready
from schedbench.controlplane.controllers.replica_calculation import (
    limited,
    replicas_for,
    rules,
    stabilized,
)
from schedbench.controlplane.fitting import requests_of
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.autoscaling import (
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerStatus,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from schedbench.objects.meta import ApiObject, Quantity
from schedbench.objects.pod import Pod
from schedbench.units import milli_value, value

Usage: TypeAlias = Callable[[Pod], Mapping[str, float]]
"""What a pod uses, in millicores and bytes; nothing if it was not measured."""

DEFAULT_METRICS = (
    MetricSpec(
        resource=ResourceMetricSource(
            name="cpu", target=MetricTarget(average_utilization=80)
        )
    ),
)
"""What an autoscaler without metrics goes by: 80 % of the cpu requested.

Source: `pkg/apis/autoscaling/v2/defaults.go` and DefaultCPUUtilization.
"""
SCALED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})


class HorizontalPodAutoscalers(Controller):
    """Sets the replicas of scaled workloads; its keys are autoscalers."""

    name = "horizontal-pod-autoscaler-controller"
    workers = 5

    @classmethod
    def measuring(cls, usage: Usage) -> type[HorizontalPodAutoscalers]:
        """Return the controller that asks a function what pods use."""
        return type(cls.__name__, (cls,), {"usage": staticmethod(usage)})

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._own = parameters.cluster_controllers.horizontal_autoscaling
        self._owned = informers.owned("Pod")
        self._sets = informers.owned("ReplicaSet")
        self._recommended: dict[str, list[tuple[float, int]]] = {}
        self._changes: dict[str, list[tuple[float, int]]] = {}
        self._running_since: dict[str, float] = {}
        self._ready_changed: dict[str, tuple[bool, float]] = {}
        for kind in sorted(SCALED):
            informers[kind]
        informers.listen("Pod", self._pod_seen)
        informers.listen("HorizontalPodAutoscaler", self._seen)

    @staticmethod
    def usage(pod: Pod) -> Mapping[str, float]:
        """Return what a pod uses: nothing is measured here."""
        return {}

    def reconcile(self, key: str) -> Sync:
        """Compare the metrics with their targets and scale."""
        scaler = self.informers["HorizontalPodAutoscaler"].store.get(key)
        if not isinstance(scaler, HorizontalPodAutoscaler):
            return None
        self.queue.add_after(key, self._own.sync_period)
        reference = scaler.spec.scale_target_ref
        namespace = scaler.metadata.namespace
        if reference.kind not in SCALED:
            return None
        place = f"{namespace}/{reference.name}"
        target: Any = self.informers[reference.kind].store.get(place)
        if target is None:
            return None
        current = 1 if target.spec.replicas is None else target.spec.replicas
        desired = self._desired(key, scaler, target, current)
        if desired != current:
            change = partial(_scaled, replicas=desired)
            patch = self.api.patch
            answers = yield [
                self.call(patch, reference.kind, namespace, reference.name, change)
            ]
            if (error := answers[0].error) is not None:
                return None if error.reason == "NotFound" else error
            changes = self._changes.setdefault(key, [])
            changes.append((self.clock.now, desired - current))
        old = scaler.status
        status = HorizontalPodAutoscalerStatus(
            current_replicas=current,
            desired_replicas=desired,
            last_scale_time=old.last_scale_time
            if desired == current
            else f"{self.clock.now:.6f}",
        )
        if status != old:
            new = msgspec.structs.replace(scaler, status=status)
            yield [self.call(self.api.update, new, subresource="status")]
        return None

    def _desired(
        self, key: str, scaler: HorizontalPodAutoscaler, target: Any, current: int
    ) -> int:
        spec = scaler.spec
        least = 1 if spec.min_replicas is None else spec.min_replicas
        if current == 0 and least != 0:
            return 0
        if current > spec.max_replicas:
            return spec.max_replicas
        if current < least:
            return least
        pods = self._pods(target)
        behavior = spec.behavior
        metrics = spec.metrics or DEFAULT_METRICS
        wanted = [self._metric(m, pods, current, behavior) for m in metrics]
        known = [number for number in wanted if number is not None]
        if not known or (len(known) < len(wanted) and max(known) < current):
            return current
        now, history = self.clock.now, self._recommended.setdefault(key, [])
        down = rules(behavior, up=False).stabilization_window_seconds
        window = self._own.downscale_stabilization if down is None else down
        windows = (window, rules(behavior, up=True).stabilization_window_seconds or 0)
        desired = stabilized(current, max(known), history, now, windows)
        history.append((now, max(known)))
        history[:] = [entry for entry in history if entry[0] > now - max(*windows, 1)]
        changes = self._changes.setdefault(key, [])
        changes[:] = [entry for entry in changes if entry[0] > now - 1800]
        desired = limited(current, desired, changes, now, behavior)
        return min(max(desired, least), spec.max_replicas)

    def _pods(self, target: Any) -> dict[str, Pod]:
        uid = target.metadata.uid
        pods = dict(self._owned.of(uid).items)
        for owned in self._sets.of(uid).items.values():
            pods |= self._owned.of(owned.metadata.uid).items
        return pods

    def _metric(
        self,
        metric: MetricSpec,
        pods: Mapping[str, Pod],
        current: int,
        behavior: Any,
    ) -> int | None:
        """Return what one metric asks for, or None if it cannot be told."""
        if metric.type != "Resource" or metric.resource is None:
            return None
        name, aim = metric.resource.name, metric.resource.target
        usage: dict[str, float] = {}
        requests: dict[str, float] = {}
        unready, missing = [], []
        for key, pod in pods.items():
            if pod.metadata.deletion_timestamp is not None:
                continue
            if pod.status.phase in {"Failed", "Succeeded"}:
                continue
            if aim.average_utilization is None:
                requests[key] = 1.0
            else:
                requests[key] = requests_of(pod).get(name, 0)
                if not requests[key]:
                    return None
            used = self.usage(pod).get(name)
            if pod.status.phase != "Running":
                unready.append(key)
            elif used is None:
                missing.append(key)
            elif name == "cpu" and self._is_starting(key, pod):
                unready.append(key)
            else:
                usage[key] = used
        if not usage:
            return None
        if aim.average_utilization is not None:
            share = aim.average_utilization / 100
        elif aim.average_value is not None:
            share = _amount(name, aim.average_value)
        else:
            return None
        return replicas_for(
            current,
            usage,
            requests,
            share,
            unready=unready,
            missing=missing,
            tolerances=(
                self._tolerance(behavior, up=False),
                self._tolerance(behavior, up=True),
            ),
        )

    def _tolerance(self, behavior: Any, *, up: bool) -> float:
        given = rules(behavior, up=up).tolerance
        return self._own.tolerance if given is None else milli_value(given) / 1000

    def _is_starting(self, key: str, pod: Pod) -> bool:
        """Return whether a pod's cpu tells nothing yet: it was never ready."""
        now, ready = self.clock.now, is_ready(pod)
        started = self._running_since.get(key, math.inf)
        if now < started + self._own.cpu_initialization_period:
            return not ready
        _, changed = self._ready_changed.get(key, (False, started))
        return not ready and changed < started + self._own.initial_readiness_delay

    def _pod_seen(self, event: WatchEvent) -> None:
        pod, key = event.object, event.key
        assert isinstance(pod, Pod)
        if event.type == "DELETED":
            self._running_since.pop(key, None)
            self._ready_changed.pop(key, None)
            return
        if pod.status.phase == "Running":
            self._running_since.setdefault(key, self.clock.now)
            ready = is_ready(pod)
            if self._ready_changed.get(key, (None,))[0] is not ready:
                self._ready_changed[key] = (ready, self.clock.now)

    def _seen(self, event: WatchEvent) -> None:
        key = event.key
        if event.type == "DELETED":
            self._recommended.pop(key, None)
            self._changes.pop(key, None)
        elif event.type == "ADDED":
            self.queue.add(key)


def _amount(name: str, quantity: Quantity) -> float:
    return (milli_value if name == "cpu" else value)(quantity)


def _scaled(item: ApiObject, *, replicas: int) -> ApiObject | None:
    spec: Any = getattr(item, "spec")  # noqa: B009
    if spec.replicas == replicas:
        return None
    changes: Any = {"spec": msgspec.structs.replace(spec, replicas=replicas)}
    return msgspec.structs.replace(item, **changes)
