"""What the scheduler writes into the status of pods that find no node or give way."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from schedbench.objects.pod import Pod, PodCondition
from schedbench.scheduler.attempt import Outcome

SCHEDULED = "PodScheduled"


def unschedulable(
    outcome: Outcome | None, nominated: str | None
) -> Callable[[Pod], Pod | None]:
    """Return a change of a pod: its condition and its nomination; None if it has both.

    Source: kubernetes v1.34 pkg/scheduler/schedule_one.go (handleSchedulingFailure):
    condition `PodScheduled` is False, by reason `Unschedulable` or `SchedulerError`.

    Parameters
    ----------
    outcome
        Of the attempt; None leaves the condition.
    nominated
        The node to which the pod is nominated, or None.
    """
    condition: PodCondition | None = None
    if outcome is not None:
        condition = PodCondition(
            type=SCHEDULED,
            status="False",
            reason="SchedulerError" if outcome.error else "Unschedulable",
            message=outcome.error or outcome.message,
        )

    def change(pod: Pod) -> Pod | None:
        status = pod.status
        conditions = status.conditions
        if condition is not None and not any(_same(condition, c) for c in conditions):
            others = [one for one in conditions if one.type != SCHEDULED]
            conditions = [*others, condition]
        if conditions is status.conditions and nominated == status.nominated_node_name:
            return None
        status = msgspec.structs.replace(
            status, conditions=conditions, nominated_node_name=nominated
        )
        return msgspec.structs.replace(pod, status=status)

    return change


def preempted(victim: Pod, preemptor: Pod) -> Callable[[Pod], Pod | None]:
    """Return a change of a victim: its condition `DisruptionTarget`.

    By it a later attempt knows that room is being made. None if the pod has it, or is
    another one by now.

    Source: prepareCandidate in pkg/scheduler/framework/preemption/preemption.go.
    """
    name = preemptor.spec.scheduler_name
    condition = PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="PreemptionByScheduler",
        message=f"{name}: preempting to accommodate a higher priority pod",
    )

    def change(pod: Pod) -> Pod | None:
        conditions = pod.status.conditions
        if pod.metadata.uid != victim.metadata.uid:
            return None
        if any(_same(condition, one) for one in conditions):
            return None
        others = [one for one in conditions if one.type != condition.type]
        status = msgspec.structs.replace(pod.status, conditions=[*others, condition])
        return msgspec.structs.replace(pod, status=status)

    return change


def _same(one: PodCondition, other: PodCondition) -> bool:
    return (one.type, one.status, one.reason, one.message) == (
        other.type,
        other.status,
        other.reason,
        other.message,
    )
