"""Making room for pods: nominated pods before the filters, preemption after them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.scheduler.dry_run import DryRun, crowded_out
from schedbench.scheduler.evictions import Refused
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.preemption import (
    Preemption,
    Search,
    preempt,
    without_victims,
)
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
    readable: bool = False,
) -> PostFilter:
    """Try to make room: DynamicResources first, then DefaultPreemption.

    The former fails if a plugin stopped the pod before its own PreFilter. `readable`
    keeps to the dry runs that are not compiled.
    """
    if stopped and settings.runs("DynamicResources", "postFilter"):
        return PostFilter(NO_DYNAMIC_STATE, error=True)
    if not settings.runs("DefaultPreemption", "postFilter"):
        return concluded(settings, None)
    if not (stopped or readable or pod.key in world.nominated):
        refused = remembered(world, settings, pod, pod_class, search)
        if refused is not None:
            return concluded(settings, refused.preemption)
    nominated = world.nominated_slot(pod)
    if world.nobody_below(pod.spec.priority or 0):
        found = without_victims(pod, rejected, world.around(), nominated)
    else:
        run = dry_run(world, settings, pod, pod_class)
        found = preempt(run, pod, rejected, world.around(), nominated, search)
    return concluded(settings, found)


def remembered(
    world: World, settings: Settings, pod: Pod, pod_class: int, search: Search
) -> Refused | None:
    """Return what is known of a pod that PreFilter lets pass, if it fits nowhere."""
    beside = None
    if pod.spec.volumes and uses_volumes(pod):
        beside = VolumesBeside(world.volumes, settings, pod)
    session = world.session(pod)
    return world.evictions.ask(session, pod, pod_class, search, beside)


def concluded(settings: Settings, found: Preemption | None) -> PostFilter:
    """Return what PostFilter says of a preemption, or without one."""
    if found is not None and found.tied:
        return PostFilter(preemption=found)
    if found is not None and found.error:
        return PostFilter(found.message, error=True, preemption=found)
    says = [NO_CLAIMS] if settings.runs("DynamicResources", "postFilter") else []
    if found is None:
        return PostFilter(", ".join(says))
    return PostFilter(", ".join([*says, found.message]), preemption=found)
