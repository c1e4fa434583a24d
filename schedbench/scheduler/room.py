"""Making room for pods: nominated pods before the filters, preemption after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.scheduler.dry_run import DryRun, crowded_out
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.preemption import Preemption, Search, preempt
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.storage import VolumesBeside
from schedbench.scheduler.world import World

NO_CLAIMS = "no new claims to deallocate"
NO_DYNAMIC_STATE = "not found"


@dataclasses.dataclass(frozen=True, slots=True)
class PostFilter:
    """What came of a failed attempt: a text, or a preemption.

    `error` tells whether the text is an error's.
    """

    message: str = ""
    error: bool = False
    preemption: Preemption = dataclasses.field(default_factory=Preemption)


def dry_run(world: World, settings: Settings, pod: Pod, pod_class: int) -> DryRun:
    """Return a dry run for a pod, in the cluster as it is."""
    session = world.session(pod)
    if not uses_volumes(pod):
        return DryRun(session, pod_class)
    return DryRun(session, pod_class, VolumesBeside(world.volumes, settings, pod))


def crowded(
    world: World,
    settings: Settings,
    pod: Pod,
    pod_class: int,
    *,
    passing_only: bool = False,
    slot: int | None = None,
) -> Mapping[int, Rejected]:
    """Return the nodes that reject a pod beside their nominated pods: slot → why.

    With `passing_only` only those that would let it pass without them. With a `slot`
    only that node is looked at.
    """
    others = [
        one
        for one in world.nominated.values()
        if one.pod is not pod and slot in {None, one.slot}
    ]
    if not others:
        return {}
    run = dry_run(world, settings, pod, pod_class)
    return crowded_out(run, pod, others, passing_only=passing_only)


def post_filter(
    world: World,
    settings: Settings,
    pod: Pod,
    pod_class: int,
    rejected: Mapping[int, Rejected],
    search: Search,
    *,
    stopped: bool = False,
) -> PostFilter:
    """Try to make room: DynamicResources first, then DefaultPreemption.

    The former fails if a plugin stopped the pod before its own PreFilter.
    """
    says = []
    if settings.runs("DynamicResources", "postFilter"):
        if stopped:
            return PostFilter(NO_DYNAMIC_STATE, error=True)
        says.append(NO_CLAIMS)
    if not settings.runs("DefaultPreemption", "postFilter"):
        return PostFilter(", ".join(says))
    run = dry_run(world, settings, pod, pod_class)
    nominated = world.nominated_slot(pod)
    found = preempt(run, pod, rejected, world.around(), nominated, search)
    if found.candidates:
        return PostFilter(preemption=found)
    if found.error:
        return PostFilter(found.message, error=True, preemption=found)
    return PostFilter(", ".join([*says, found.message]), preemption=found)
