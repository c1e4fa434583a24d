"""The scheduling queue as a configuration makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod import Pod, TopologySpreadConstraint
from schedbench.plugins.gang_scheduling import GangScheduling
from schedbench.plugins.pod_topology_spread import PodTopologySpread
from schedbench.scheduler.config import DEFAULT_SCHEDULER
from schedbench.scheduler.narrowing import gate_message
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.queue import SchedulingQueue
from schedbench.scheduler.queueing.entry import PreEnqueue
from schedbench.scheduler.queueing.hints import HintTable, default_hints
from schedbench.scheduler.selecting import selecting


def make_queue(
    settings: Mapping[str, Settings],
    objects: Sequence[KubernetesObject],
    groups: PodGroupTable,
    gates: Mapping[str, PreEnqueue],
) -> SchedulingQueue:
    """Return an empty queue for profiles.

    Parameters
    ----------
    settings
        schedulerName → profile.
    objects
        Of them the Services and controllers, by which default constraints select.
    groups
        The pod groups and their members.
    gates
        Plugin → whether a pod may enter the active queue.
    """
    return SchedulingQueue(
        backoff=next(iter(settings.values())).backoff,
        profiles={name: _hints(one, objects, groups) for name, one in settings.items()},
        pre_enqueue=gates,
    )


def gates_of(
    settings: Mapping[str, Settings], groups: PodGroupTable
) -> Mapping[str, PreEnqueue]:
    """Return the PreEnqueue plugins of profiles; each asks the pod's own profile."""

    def without_gates(pod: Pod) -> bool:
        profile = settings[pod.spec.scheduler_name or DEFAULT_SCHEDULER]
        return gate_message(profile, pod) is None

    gangs = GangScheduling(groups)
    return {"SchedulingGates": without_gates, gangs.name: gangs.admits}


def _hints(
    settings: Settings, objects: Sequence[KubernetesObject], groups: PodGroupTable
) -> HintTable:
    added = settings.config.args.added_affinity
    spread = settings.profile.plugin(PodTopologySpread)
    known = selecting(objects)

    def spread_defaults(pod: Pod) -> Sequence[TopologySpreadConstraint]:
        return [] if spread is None else spread.constraints(pod, known)[0]

    return default_hints(
        added_affinity=added.required_during_scheduling_ignored_during_execution,
        spread_defaults=spread_defaults,
        pod_groups=groups,
    )
