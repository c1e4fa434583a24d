"""Resource quotas: what is used of them, counted again when something goes.

Source: docs.kubernetes.io "Resource Quotas"; `pkg/controller/resourcequota`. What is
asked for when a pod is made is the API server's to charge.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.parameters import Parameters
from schedbench.controlplane.quota import covers
from schedbench.objects.meta import Quantity
from schedbench.objects.pod import Pod
from schedbench.objects.policy import ResourceQuota, ResourceQuotaStatus
from schedbench.objects.resources import container_limits, pod_requests
from schedbench.units import milli_value, value

COUNTED = {
    "services": "Service",
    "replicationcontrollers": "ReplicationController",
    "resourcequotas": "ResourceQuota",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "count/deployments.apps": "Deployment",
    "count/replicasets.apps": "ReplicaSet",
    "count/statefulsets.apps": "StatefulSet",
    "count/jobs.batch": "Job",
    "count/cronjobs.batch": "CronJob",
    "count/services": "Service",
}
"""Names of a quota that count objects of a kind."""


def pod_usage(pod: Pod) -> dict[str, int]:
    """Return what a pod takes of a quota; cpu in millicores, the rest in units.

    A finished pod takes nothing but its place among `count/pods`.
    """
    if pod.status.phase in {"Succeeded", "Failed"}:
        return {"count/pods": 1}
    used = {"count/pods": 1, "pods": 1}
    for name, amount in pod_requests(pod).items():
        used[f"requests.{name}"] = amount
        if name in {"cpu", "memory", "ephemeral-storage"}:
            used[name] = amount
    for name, quantity in container_limits(pod).items():
        measure = milli_value if name == "cpu" else value
        used[f"limits.{name}"] = measure(quantity)
    return used


def as_quantity(name: str, amount: int) -> Quantity:
    """Return an amount as a quota writes it."""
    is_cpu = name in {"cpu", "requests.cpu", "limits.cpu"}
    return f"{amount}m" if is_cpu else str(amount)


class ResourceQuotas(Controller):
    """Keeps the status of quotas; its keys are quotas."""

    name = "resourcequota-controller"
    workers = 5

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._quotas: dict[str, dict[str, ResourceQuota]] = {}
        self._used: dict[str, Counter[str]] = {}
        self._charged: dict[str, dict[str, dict[str, int]]] = {}
        informers.listen("ResourceQuota", self._quota_seen)
        informers.listen("Pod", self._pod_seen)
        for kind in sorted(set(COUNTED.values()) - {"ResourceQuota"}):
            informers.listen(kind, self._other_seen)

    def reconcile(self, key: str) -> Sync:
        """Write down a quota's bounds and what is used of them."""
        quota = self.informers["ResourceQuota"].store.get(key)
        if not isinstance(quota, ResourceQuota):
            return None
        used: dict[str, Quantity] = {}
        for name in quota.spec.hard:
            kind = COUNTED.get(name)
            if kind is None:
                amount = self._used[key][name]
            else:
                space = quota.metadata.namespace
                amount = sum(
                    item.metadata.namespace == space for item in self.informers[kind]
                )
            used[name] = as_quantity(name, amount)
        status = ResourceQuotaStatus(hard=dict(quota.spec.hard), used=used)
        if status == quota.status:
            return None
        new = msgspec.structs.replace(quota, status=status)
        answers = yield [self.call(self.api.update, new, subresource="status")]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error

    def _quota_seen(self, event: WatchEvent) -> None:
        quota, key = event.object, event.key
        assert isinstance(quota, ResourceQuota)
        namespace = quota.metadata.namespace
        if event.type == "DELETED":
            self._quotas[namespace].pop(key, None)
            self._used.pop(key, None)
            self._charged.pop(key, None)
            return
        old = self._quotas.setdefault(namespace, {}).get(key)
        self._quotas[namespace][key] = quota
        if old is None or old.spec != quota.spec:
            self._used[key] = Counter()
            self._charged[key] = {}
            for pod in self.informers["Pod"]:
                if isinstance(pod, Pod) and pod.metadata.namespace == namespace:
                    self._charge(key, quota, pod)
        self.queue.add(key)

    def _pod_seen(self, event: WatchEvent) -> None:
        pod = event.object
        assert isinstance(pod, Pod)
        for key, quota in self._quotas.get(pod.metadata.namespace, {}).items():
            if event.type == "DELETED":
                changed = self._discharge(key, pod.key)
            else:
                changed = self._charge(key, quota, pod)
            if changed:
                self.queue.add(key)

    def _other_seen(self, event: WatchEvent) -> None:
        if event.type != "MODIFIED":
            for key in self._quotas.get(event.object.metadata.namespace, {}):
                self.queue.add(key)

    def _charge(self, key: str, quota: ResourceQuota, pod: Pod) -> bool:
        usage = pod_usage(pod) if covers(quota, pod) else {}
        if self._charged[key].get(pod.key, {}) == usage:
            return False
        self._discharge(key, pod.key)
        self._charged[key][pod.key] = usage
        self._used[key].update(usage)
        return True

    def _discharge(self, key: str, pod: str) -> bool:
        usage = self._charged[key].pop(pod, None)
        if not usage:
            return False
        self._used[key].subtract(usage)
        return True
