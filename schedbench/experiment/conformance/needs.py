"""What a case needs that is not modelled: one table, from which rows are deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schedbench.experiment.conformance.cases import Case
from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.pod import Pod
from schedbench.plugins.registry import PLUGINS

_SELECTING = (Service, ReplicationController, ReplicaSet, StatefulSet)


def needs(case: Case) -> set[str]:
    """Return what a case needs that is not modelled."""
    return {
        name for name, needed in NEEDS.items() if name not in PLUGINS and needed(case)
    }


def _some_pod(test: Callable[[Pod], object]) -> Callable[[Case], bool]:
    return lambda case: any(test(pod) for pod in (*case.bound, *case.pending))


def _has_pod_affinity(pod: Pod) -> bool:
    affinity = pod.spec.affinity
    return affinity is not None and bool(
        affinity.pod_affinity or affinity.pod_anti_affinity
    )


def _spreads(case: Case) -> bool:
    return any(p.spec.topology_spread_constraints for p in case.pending) or any(
        isinstance(item, _SELECTING) for item in case.objects
    )


NEEDS: Mapping[str, Callable[[Case], bool]] = {
    "InterPodAffinity": _some_pod(_has_pod_affinity),
    "PodTopologySpread": _spreads,
    "ImageLocality": lambda case: any(n.status.images for n in case.nodes),
    "DynamicResources": _some_pod(lambda pod: pod.spec.resource_claims),
}
"""What is needed → whether a case does; plugins that are registered count as there."""
