"""VolumeRestrictions: disks that one node cannot mount twice, claims for one pod.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/volumerestrictions. An inline
disk conflicts with a pod on the same node, a ReadWriteOncePod claim with a pod on any
node; both end when that pod goes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import ONE_POD, claims_of, has_disk, namespace_of
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.pod import Pod
from schedbench.plugins.base import NodeVerdicts, Plugin, Scope, Status
from schedbench.plugins.prefilter import PreFilterStop

DISK = "node(s) had no available disk"
IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access "
    "mode already in-use by another pod"
)


class VolumeRestrictions(Plugin):
    """Rejects nodes where another pod holds what the pod needs for itself."""

    name: ClassVar[str] = "VolumeRestrictions"
    filter_scope: ClassVar[Scope | None] = Scope.DOMAIN

    def pre_filter(self, pod: Pod, world: VolumeWorld) -> PreFilterStop | None:
        """Stop a pod that mounts a claim that does not exist."""
        for use in claims_of(pod):
            if not use.ephemeral and world.claim(pod, use.name) is None:
                reason = f'persistentvolumeclaim "{use.name}" not found'
                return PreFilterStop(self.name, (reason,), unresolvable=True)
        return None

    def filter_nodes(
        self,
        pod: Pod,
        world: VolumeWorld,
        slots: NDArray[np.int64],
        conflicts: int | None = None,
    ) -> NodeVerdicts:
        """Return which nodes pass.

        `conflicts` is how many ReadWriteOncePod claims are in use, by default counted
        now. Upstream counts once an attempt and then adds and takes away pods in its
        dry runs: `conflicts_now` and `conflicts_with` do the same.
        """
        if conflicts is None:
            conflicts = self.conflicts_now(pod, world)
        held: set[int] = set()
        for volume in pod.spec.volumes:
            held |= world.usage.fights(volume)
        if not held and conflicts <= 0:
            return NodeVerdicts.passed(len(slots))
        code = np.full(len(slots), 2 if conflicts > 0 else 0, dtype=np.int16)
        if held:
            code[np.isin(slots, list(held))] = 1
        return NodeVerdicts(
            code, (Status((DISK,), False), Status((IN_USE,), unresolvable=False))
        )

    def conflicts_now(self, pod: Pod, world: VolumeWorld) -> int:
        """Count the pod's ReadWriteOncePod claims that a pod in the cluster mounts."""
        count = 0
        for name in self._exclusive(pod, world):
            users = world.usage.claims.get((namespace_of(pod), name), ())
            count += any(world.alive[slot] for slot in users)
        return count

    def conflicts_with(self, pod: Pod, other: Pod, world: VolumeWorld) -> int:
        """Count the mounts of another pod that dry runs take for such a conflict.

        They go by the names of the claims alone, whatever the other pod's namespace.
        """
        names = self._exclusive(pod, world)
        return sum(use.name in names for use in claims_of(other) if not use.ephemeral)

    @staticmethod
    def skips(pod: Pod, conflicts: int) -> bool:
        """Tell whether an attempt leaves the plugin out, dry runs included."""
        return conflicts == 0 and not any(map(has_disk, pod.spec.volumes))

    @staticmethod
    def _exclusive(pod: Pod, world: VolumeWorld) -> set[str]:
        names = set()
        for use in claims_of(pod):
            claim = None if use.ephemeral else world.claim(pod, use.name)
            if claim is not None and ONE_POD in claim.spec.access_modes:
                names.add(use.name)
        return names
