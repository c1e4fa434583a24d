"""Which rules of a workload its bounds leave out, so that they may be too good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from schedbench.objects.pod import Pod

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload


def ignored(encoded: EncodedWorkload) -> list[str]:
    """Return the rules that some pod or the cluster has and no bound looks at.

    Every bound holds all the same: without a rule more is possible, never less.
    """
    found = {rule for pod in encoded.class_pods for rule in _of_pod(pod)}
    if encoded.workload.node_events:
        found.add("when nodes change")
    return sorted(found)


def _of_pod(pod: Pod) -> Iterator[str]:
    spec, affinity = pod.spec, pod.spec.affinity
    for side in (
        ()
        if affinity is None
        else (
            affinity.pod_affinity,
            affinity.pod_anti_affinity,
        )
    ):
        if side and side.required_during_scheduling_ignored_during_execution:
            yield "required pod affinity"
    for constraint in spec.topology_spread_constraints:
        if constraint.when_unsatisfiable == "DoNotSchedule":
            yield "hard topology spread"
    if any(v.persistent_volume_claim or v.ephemeral for v in spec.volumes):
        yield "volumes"
    if spec.scheduling_gates:
        yield "scheduling gates"
    if spec.scheduling_group is not None:
        yield "pod groups"
