"""Priorities of pods, after "Pod Priority and Preemption" in the documentation."""

from __future__ import annotations

from naive.world import World

from schedbench.objects.pod import Pod
from schedbench.objects.policy import PriorityClass

SYSTEM = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}


def priority_of(pod: Pod, world: World) -> int:
    """Return a pod's priority: stated, of its class, of the default class, or 0."""
    if pod.spec.priority is not None:
        return pod.spec.priority
    if pod.spec.priority_class_name in SYSTEM:
        return SYSTEM[pod.spec.priority_class_name]
    chosen = _class_of(pod, world)
    return chosen.value if chosen else 0


def never_preempts(pod: Pod, world: World) -> bool:
    """Tell whether the pod, or else its class, says that it evicts nobody."""
    policy = pod.spec.preemption_policy
    if policy is None and pod.spec.priority is None:
        chosen = _class_of(pod, world)
        policy = chosen.preemption_policy if chosen else None
    return policy == "Never"


def _class_of(pod: Pod, world: World) -> PriorityClass | None:
    classes = world.kind(PriorityClass)
    if name := pod.spec.priority_class_name:
        return next((one for one in classes if one.metadata.name == name), None)
    defaults = [one for one in classes if one.global_default]
    return min(defaults, key=lambda one: one.value, default=None)
