"""Disruption budgets: how many pods of a set may be evicted now.

Source: docs.kubernetes.io "Disruptions", "Specifying a Disruption Budget";
`pkg/controller/disruption/disruption.go`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.owned import controller_of, is_ready
from schedbench.controlplane.controllers.selector_index import SelectorIndex
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.controllers import (
    Deployment,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget, PodDisruptionBudgetStatus
from schedbench.objects.selectors import matches_label_selector

SCALABLE = ("ReplicaSet", "Deployment", "StatefulSet", "ReplicationController")


def scaled(value: int | str, total: int) -> int:
    """Return a number, or a percentage of a total rounded up."""
    if isinstance(value, int):
        return value
    return math.ceil(int(value.removesuffix("%")) * total / 100)


def budget_status(
    budget: PodDisruptionBudget,
    *,
    pods: int,
    scale: int,
    healthy: int,
    disrupted: Mapping[str, str],
) -> PodDisruptionBudgetStatus:
    """Return what a budget allows.

    Parameters
    ----------
    budget
        The budget.
    pods, scale
        How many pods it selects, and how many their controllers want.
    healthy
        Ready pods that neither terminate nor were evicted just now.
    disrupted
        Those evicted just now.
    """
    spec = budget.spec
    if spec.max_unavailable is not None:
        expected = scale
        desired = max(expected - scaled(spec.max_unavailable, expected), 0)
    elif isinstance(spec.min_available, str):
        expected = scale
        desired = scaled(spec.min_available, expected)
    else:
        expected, desired = pods, spec.min_available or 0
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    return PodDisruptionBudgetStatus(
        disruptions_allowed=allowed,
        current_healthy=healthy,
        desired_healthy=desired,
        expected_pods=expected,
        disrupted_pods=dict(disrupted),
    )


@dataclasses.dataclass(slots=True)
class _Budgeted:
    """The pods of a budget: healthy or not, and their controllers with their number."""

    healthy: dict[str, bool]
    owner_of: dict[str, tuple[str, str]]
    owners: dict[tuple[str, str], int]
    ready: int = 0

    def remove(self, key: str) -> None:
        self.ready -= self.healthy.pop(key, False)
        owner = self.owner_of.pop(key, None)
        if owner is not None:
            self.owners[owner] -= 1
            if not self.owners[owner]:
                del self.owners[owner]

    def put(self, pod: Pod) -> None:
        self.remove(pod.key)
        healthy = is_ready(pod) and pod.metadata.deletion_timestamp is None
        self.healthy[pod.key] = healthy
        self.ready += healthy
        reference = controller_of(pod)
        if reference is not None:
            owner = (reference.kind, f"{pod.metadata.namespace}/{reference.name}")
            self.owner_of[pod.key] = owner
            self.owners[owner] = self.owners.get(owner, 0) + 1


class Disruption(Controller):
    """Keeps the status of disruption budgets; its keys are budgets."""

    name = "disruption-controller"

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._own = parameters.cluster_controllers.disruption
        self._index = SelectorIndex(_selects)
        self._budgeted: dict[str, _Budgeted] = {}
        self._evicted: dict[tuple[str, str, str], float] = {}
        self._pods = informers["Pod"]
        informers.listen("PodDisruptionBudget", self._budget_seen)
        informers.listen("Pod", self._pod_seen)
        for kind in SCALABLE:
            informers.listen(kind, self._owner_seen)

    def reconcile(self, key: str) -> Sync:
        """Count a budget's pods and write down what it allows."""
        budget = self.informers["PodDisruptionBudget"].store.get(key)
        if not isinstance(budget, PodDisruptionBudget):
            return None
        namespace = budget.metadata.namespace
        budgeted = self._budgeted.setdefault(key, _Budgeted({}, {}, {}))
        disrupted = self._disrupted(key, namespace, budget.status.disrupted_pods)
        healthy = budgeted.ready - sum(
            budgeted.healthy.get(f"{namespace}/{pod}", False) for pod in disrupted
        )
        wanted = budget_status(
            budget,
            pods=len(budgeted.healthy),
            scale=self._scale(budgeted.owners),
            healthy=healthy,
            disrupted=disrupted,
        )
        if wanted == budget.status:
            return None
        new = msgspec.structs.replace(budget, status=wanted)
        answers = yield [self.call(self.api.update, new, subresource="status")]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error

    def _disrupted(
        self, key: str, namespace: str, known: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the evicted pods that are still expected to go."""
        kept = {}
        for name, when in known.items():
            pod = self._pods.store.get(f"{namespace}/{name}")
            entry = (key, name, when)
            since = self._evicted.setdefault(entry, self.clock.now)
            left = since + self._own.deletion_timeout - self.clock.now
            gone = pod is None or pod.metadata.deletion_timestamp is not None
            if gone or left <= 0:
                del self._evicted[entry]
            else:
                kept[name] = when
                self.queue.add_after(key, left)
        return kept

    def _scale(self, owners: Mapping[tuple[str, str], int]) -> int:
        """Return how many pods the controllers want; a Deployment's count once."""
        wanted: dict[tuple[str, str], int] = {}
        for owner in owners:
            item = self._owner(*owner)
            above = controller_of(item) if isinstance(item, ReplicaSet) else None
            if item is not None and above is not None and above.kind == "Deployment":
                item = self._owner(
                    "Deployment", f"{item.metadata.namespace}/{above.name}"
                )
            if isinstance(
                item, ReplicaSet | Deployment | StatefulSet | ReplicationController
            ):
                replicas = item.spec.replicas
                place = (type(item).__name__, item.key)
                wanted[place] = 1 if replicas is None else replicas
        return sum(wanted.values())

    def _owner(self, kind: str, key: str) -> ApiObject | None:
        return self.informers[kind].store.get(key) if kind in SCALABLE else None

    def _budget_seen(self, event: WatchEvent) -> None:
        budget, key = event.object, event.key
        assert isinstance(budget, PodDisruptionBudget)
        if event.type == "DELETED":
            self._index.remove(budget)
            self._budgeted.pop(key, None)
            return
        old = event.old
        if not isinstance(old, PodDisruptionBudget) or old.spec != budget.spec:
            self._index.put(budget)
            budgeted = self._budgeted[key] = _Budgeted({}, {}, {})
            for pod in self._pods:
                if isinstance(pod, Pod) and key in self._index.selecting(pod):
                    budgeted.put(pod)
        self.queue.add(key)

    def _pod_seen(self, event: WatchEvent) -> None:
        pod, old = event.object, event.old
        assert isinstance(pod, Pod)
        if old is not None and old.metadata.labels != pod.metadata.labels:
            for key in self._index.selecting(old):
                self._budgeted[key].remove(pod.key)
                self.queue.add(key)
        for key in self._index.selecting(pod):
            if event.type == "DELETED":
                self._budgeted[key].remove(pod.key)
            else:
                self._budgeted[key].put(pod)
            self.queue.add(key)

    def _owner_seen(self, event: WatchEvent) -> None:
        new, old = event.object, event.old
        if _replicas(new) == _replicas(old) and event.type == "MODIFIED":
            return
        namespace = new.metadata.namespace
        for key in self._budgeted:
            if key.startswith(f"{namespace}/"):
                self.queue.add(key)


def _replicas(item: ApiObject | None) -> int | None:
    spec = getattr(item, "spec", None)
    return getattr(spec, "replicas", None)


def _selects(item: ApiObject, labels: Mapping[str, str]) -> bool:
    assert isinstance(item, PodDisruptionBudget)
    return matches_label_selector(item.spec.selector, labels)
