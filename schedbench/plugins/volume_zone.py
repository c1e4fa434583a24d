"""VolumeZone: zone and region labels of bound volumes must be those of the node.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/volumezone. A node without any
zone or region label passes; the old label keys of a volume also look at the new ones of
the node; generic ephemeral volumes are not looked at.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.matching import Mask
from schedbench.cluster.nodes import ABSENT
from schedbench.cluster.volume_objects import (
    BETA_REGION,
    BETA_ZONE,
    REGION,
    ZONE,
    claims_of,
    class_of_claim,
    zones_of,
)
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.pod import Pod
from schedbench.objects.storage import PersistentVolumeClaim
from schedbench.plugins.base import NodeVerdicts, Plugin, Scope
from schedbench.plugins.prefilter import PreFilterStop

REASON = "node(s) had no available volume zone"
NEWER = {BETA_ZONE: ZONE, BETA_REGION: REGION}


class VolumeZone(Plugin):
    """Rejects nodes outside the zones of the pod's volumes."""

    name: ClassVar[str] = "VolumeZone"
    filter_scope: ClassVar[Scope | None] = Scope.STATIC

    def pre_filter(self, pod: Pod, world: VolumeWorld) -> PreFilterStop | None:
        """Stop a pod whose claims lead to no volume and will not."""
        for use in claims_of(pod):
            reason = None if use.ephemeral else _trouble(pod, use.name, world)
            if reason is not None:
                return PreFilterStop(self.name, (reason,), unresolvable=True)
        return None

    def filter_nodes(
        self, pod: Pod, world: VolumeWorld, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes pass."""
        rejects = np.zeros(len(slots), dtype=np.bool_)
        for use in claims_of(pod):
            claim = None if use.ephemeral else world.claim(pod, use.name)
            name = claim.spec.volume_name if claim is not None else None
            volume = world.volumes.get(name or "")
            for key, values in zones_of(volume) if volume is not None else ():
                rejects |= ~_matches(key, values, world, slots)
        placed = np.zeros(len(slots), dtype=np.bool_)
        for key in (BETA_ZONE, BETA_REGION, ZONE, REGION) if rejects.any() else ():
            placed |= world.nodes.label(key).ids[slots] != ABSENT
        return NodeVerdicts.of(rejects & placed, REASON, unresolvable=True)


def _matches(
    key: str, values: frozenset[str], world: VolumeWorld, slots: NDArray[np.int64]
) -> Mask:
    found = _has(key, values, world, slots)
    if key in NEWER:
        absent = world.nodes.label(key).ids[slots] == ABSENT
        found |= absent & _has(NEWER[key], values, world, slots)
    return found


def _has(
    key: str, values: frozenset[str], world: VolumeWorld, slots: NDArray[np.int64]
) -> Mask:
    column = world.nodes.label(key)
    wanted = [column.values[value] for value in values if value in column.values]
    return np.isin(column.ids[slots], wanted)


def _trouble(pod: Pod, name: str, world: VolumeWorld) -> str | None:
    """Return why a claim can never have a volume, None if it has or may get one."""
    if not name:
        return "PersistentVolumeClaim had no name"
    claim = world.claim(pod, name)
    if claim is None:
        return f'persistentvolumeclaim "{name}" not found'
    volume = claim.spec.volume_name
    if not volume:
        return _waits(claim, world)
    if volume not in world.volumes:
        return f'persistentvolume "{volume}" not found'
    return None


def _waits(claim: PersistentVolumeClaim, world: VolumeWorld) -> str | None:
    name = class_of_claim(claim)
    if not name:
        return "PersistentVolumeClaim had no pv name and storageClass name"
    if name not in world.classes:
        return f'storageclass.storage.k8s.io "{name}" not found'
    if world.classes[name].volume_binding_mode == "WaitForFirstConsumer":
        return None
    return "PersistentVolume had no name"
