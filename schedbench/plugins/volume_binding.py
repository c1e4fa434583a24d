"""VolumeBinding: bound claims must be reachable, the others get a volume on the node.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/volumebinding. A claim whose
class binds at once has to be bound before the pod; one that waits for its consumer
takes the smallest volume that fits, or is provisioned. What it takes is settled by
`VolumeWorld.reserve`.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_binder import plan_volumes, sort_claims
from schedbench.cluster.volume_objects import claims_of, is_made_for, namespace_of
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.pod import Pod
from schedbench.plugins.base import NodeVerdicts, Plugin, Scope, Status
from schedbench.plugins.prefilter import PreFilterStop

APART = "node(s) didn't match PersistentVolume's node affinity"
UNMATCHED = "node(s) didn't find available persistent volumes to bind"
FULL = "node(s) did not have enough free storage"
LOST = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
REASONS = (APART, UNMATCHED, FULL, LOST)


class VolumeBinding(Plugin):
    """Rejects nodes from which the pod's claims cannot be served."""

    name: ClassVar[str] = "VolumeBinding"
    filter_scope: ClassVar[Scope | None] = Scope.DOMAIN

    def pre_filter(self, pod: Pod, world: VolumeWorld) -> PreFilterStop | None:
        """Stop a pod one of whose claims is not there, not its own or not ready."""
        reason = _trouble(pod, world)
        if reason is None and sort_claims(pod, world).immediate:
            reason = UNBOUND
        if reason is None:
            return None
        return PreFilterStop(self.name, (reason,), unresolvable=True)

    def filter_nodes(
        self, pod: Pod, world: VolumeWorld, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes pass; a node may have several reasons."""
        if not any(claims_of(pod)):
            return NodeVerdicts.passed(len(slots))
        plan = plan_volumes(pod, world, slots)
        bits = np.zeros(len(slots), dtype=np.int16)
        for bit, holds in enumerate((plan.apart, plan.unmatched, plan.full, plan.lost)):
            bits |= holds.astype(np.int16) << bit
        return NodeVerdicts(bits, _STATUSES)


def _status(bits: int) -> Status:
    reasons = (text for bit, text in enumerate(REASONS) if bits >> bit & 1)
    return Status(tuple(reasons), unresolvable=True)


_STATUSES = tuple(_status(bits) for bits in range(1, 1 << len(REASONS)))


def _trouble(pod: Pod, world: VolumeWorld) -> str | None:
    """Return what is wrong with the first claim that cannot be used."""
    for use in claims_of(pod):
        claim = world.claim(pod, use.name)
        quoted = f'persistentvolumeclaim "{use.name}"'
        if claim is None:
            if use.ephemeral:
                return f"waiting for ephemeral volume controller to create the {quoted}"
            return f"{quoted} not found"
        if claim.status.phase == "Lost":
            volume = claim.spec.volume_name or ""
            return f'{quoted} bound to non-existent persistentvolume "{volume}"'
        if claim.metadata.deletion_timestamp is not None:
            return f"{quoted} is being deleted"
        if use.ephemeral and not is_made_for(claim, pod):
            where = namespace_of(pod)
            return (
                f"PVC {where}/{use.name} was not created for pod "
                f"{where}/{pod.metadata.name} (pod is not owner)"
            )
    return None
