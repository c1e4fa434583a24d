"""What a deployment reports: replicas, and the conditions Available and Progressing.

Source: kubernetes.io/docs/concepts/workloads/controllers/deployment, "Deployment
status", and kubernetes/kubernetes pkg/controller/deployment/progress.go.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schedbench.controlplane.controllers.rollout import bounds
from schedbench.controlplane.controllers.times import to_seconds, to_text
from schedbench.objects.controllers import (
    Condition,
    Deployment,
    DeploymentStatus,
    ReplicaSet,
)

DEADLINE = 600
"""Default of `progressDeadlineSeconds`."""


def status_of(
    item: Deployment, new: ReplicaSet | None, sets: Sequence[ReplicaSet], now: float
) -> tuple[DeploymentStatus, float | None]:
    """Return the status, and in how many seconds the deadline is to be looked at."""
    total = sum(each.spec.replicas or 0 for each in sets)
    available = sum(each.status.available_replicas for each in sets)
    status = DeploymentStatus(
        replicas=sum(each.status.replicas for each in sets),
        ready_replicas=sum(each.status.ready_replicas for each in sets),
        available_replicas=available,
        unavailable_replicas=max(0, total - available),
        updated_replicas=new.status.replicas if new else 0,
        observed_generation=item.metadata.generation,
    )
    progress, wait = _progressing(item, status, now)
    status.conditions = [_available(item, status, now)]
    if progress is not None:
        status.conditions.append(progress)
    return status, wait


def _available(item: Deployment, status: DeploymentStatus, now: float) -> Condition:
    replicas = 1 if item.spec.replicas is None else item.spec.replicas
    rolling = item.spec.strategy.rolling_update
    missing = 0
    if item.spec.strategy.type != "Recreate":
        _, missing = bounds(
            replicas,
            rolling.max_surge if rolling else None,
            rolling.max_unavailable if rolling else None,
        )
    enough = status.available_replicas >= replicas - missing
    return _condition(
        item,
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        now,
    )


def _progressing(
    item: Deployment, status: DeploymentStatus, now: float
) -> tuple[Condition | None, float | None]:
    deadline = item.spec.progress_deadline_seconds
    deadline = DEADLINE if deadline is None else deadline
    old = _find(item, "Progressing")
    if item.spec.paused:
        return _condition(item, "Progressing", "Unknown", "DeploymentPaused", now), None
    replicas = 1 if item.spec.replicas is None else item.spec.replicas
    if (
        status.updated_replicas == replicas
        and status.replicas == replicas
        and status.available_replicas == replicas
    ):
        reason = "NewReplicaSetAvailable"
        return _condition(item, "Progressing", "True", reason, now), None
    was_done = old is not None and old.reason == "NewReplicaSetAvailable"
    if was_done and status.replicas == status.updated_replicas:
        return old, None
    if old is None or was_done or _progressed(item.status, status):
        made = _condition(item, "Progressing", "True", "ReplicaSetUpdated", now)
        made.last_update_time = to_text(now)
        return made, float(deadline)
    if old.reason == "ProgressDeadlineExceeded":
        return old, None
    if old.reason == "DeploymentPaused":
        made = _condition(item, "Progressing", "Unknown", "DeploymentResumed", now)
        return made, float(deadline)
    end = to_seconds(old.last_update_time or to_text(now)) + deadline
    if now < end:
        return old, end - now
    reason = "ProgressDeadlineExceeded"
    return _condition(item, "Progressing", "False", reason, now), None


def _progressed(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    return (
        new.updated_replicas > old.updated_replicas
        or new.replicas - new.updated_replicas < old.replicas - old.updated_replicas
        or new.ready_replicas > old.ready_replicas
        or new.available_replicas > old.available_replicas
    )


def _find(item: Deployment, kind: str) -> Condition | None:
    return next((c for c in item.status.conditions if c.type == kind), None)


def _condition(
    item: Deployment, kind: str, status: str, reason: str, now: float
) -> Condition:
    """Return the condition: the old one if it says the same."""
    old = _find(item, kind)
    if old is not None and (old.status, old.reason) == (status, reason):
        return msgspec.structs.replace(old)
    text = to_text(now)
    turned = old.last_transition_time if old and old.status == status else text
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        last_update_time=text,
        last_transition_time=turned,
    )
