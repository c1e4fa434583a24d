"""The eviction subresource: a deletion that asks the disruption budget first.

Source: `kubernetes/pkg/registry/core/pod/storage/eviction.go` and docs.kubernetes.io
"API-initiated Eviction".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from schedbench.clock import Clock
from schedbench.controlplane import rules
from schedbench.controlplane.requests import COMPONENT, Request
from schedbench.controlplane.rules import Outcome, RefusedError
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod, PodCondition
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.selectors import matches_label_selector

MAX_DISRUPTED = 2000
"""Evictions that a budget may have that its controller has not confirmed."""

TARGET = PodCondition(
    type="DisruptionTarget",
    status="True",
    reason="EvictionByEvictionAPI",
    message="Eviction API: evicting",
)

Write = Callable[
    [
        Request,
        str,
        str,
        str,
        Callable[[ApiObject], Outcome],
        Callable[[ApiObject], None],
    ],
    None,
]


class Eviction:
    """Takes a pod away if its budget allows."""

    def __init__(self, write: Write, clock: Clock) -> None:
        self._write = write
        self._clock = clock

    def evict(self, request: Request, done: Callable[[ApiObject], None]) -> None:
        """Delete the pod of a call, and count that in its budget.

        Raises
        ------
        RefusedError
            If more than one budget covers the pod.
        """
        assert request.replica is not None
        cache = request.replica.cache
        pod: Any = cache.get("Pod", request.namespace, request.name)
        delete = self._deletion(request, done)
        if pod is None or _needs_no_budget(pod):
            delete()
            return
        budgets = [
            budget
            for budget in cache.of("PodDisruptionBudget").values()
            if isinstance(budget, PodDisruptionBudget)
            and budget.metadata.namespace == request.namespace
            and matches_label_selector(budget.spec.selector, pod.metadata.labels)
        ]
        if len(budgets) > 1:
            raise RefusedError(
                "InternalError",
                "This pod has more than one PodDisruptionBudget, which the eviction "
                "subresource does not support.",
            )
        if not budgets:
            delete()
            return
        self._write(
            request,
            "PodDisruptionBudget",
            request.namespace,
            budgets[0].metadata.name,
            lambda old: self._counted(old, pod),
            lambda _: delete(),
        )

    def _deletion(
        self, request: Request, done: Callable[[ApiObject], None]
    ) -> Callable[[], None]:
        def make(old: ApiObject) -> Outcome:
            now = self._clock.wall(COMPONENT)
            new, gone = rules.deleted(old, None, None, now)
            return (new if new is None or gone else _marked(new)), gone

        def delete() -> None:
            where, name = request.namespace, request.name
            self._write(request, "Pod", where, name, make, done)

        return delete

    def _counted(self, old: ApiObject, pod: Pod) -> Outcome:
        """Return the budget less one disruption."""
        assert isinstance(old, PodDisruptionBudget)
        status, name = old.status, old.metadata.name
        enough = status.current_healthy >= status.desired_healthy > 0
        always = old.spec.unhealthy_pod_eviction_policy == "AlwaysAllow"
        if (enough or always) and not _is_ready(pod):
            return rules.NO_CHANGE
        if status.disruptions_allowed < 0:
            raise _forbidden(name, "pdb disruptions allowed is negative")
        if len(status.disrupted_pods) > MAX_DISRUPTED:
            raise _forbidden(
                name,
                "DisruptedPods map too big - too many evictions not confirmed by PDB "
                "controller",
            )
        if status.disruptions_allowed == 0:
            raise RefusedError(
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            )
        counted = replace(
            status,
            disruptions_allowed=status.disruptions_allowed - 1,
            disrupted_pods={
                **status.disrupted_pods,
                pod.metadata.name: rules.rfc3339(self._clock.wall(COMPONENT)),
            },
        )
        meta = replace(old.metadata, resource_version=None)
        return replace(old, metadata=meta, status=counted), False


def _marked(pod: ApiObject) -> Pod:
    """Return a pod that tells why it is going (docs, "Pod disruption conditions")."""
    assert isinstance(pod, Pod)
    others = [c for c in pod.status.conditions if c.type != TARGET.type]
    return replace(pod, status=replace(pod.status, conditions=[*others, TARGET]))


def _needs_no_budget(pod: Pod) -> bool:
    finished = pod.status.phase in {"Succeeded", "Failed", "Pending"}
    return finished or pod.metadata.deletion_timestamp is not None


def _is_ready(pod: Pod) -> bool:
    return any(
        condition.type == "Ready" and condition.status == "True"
        for condition in pod.status.conditions
    )


def _forbidden(name: str, why: str) -> RefusedError:
    return RefusedError(
        "Forbidden", f'poddisruptionbudgets.policy "{name}" is forbidden: {why}'
    )
