"""NodeVolumeLimits: how many volumes a CSI driver can attach to a node.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/nodevolumelimits/csi.go. A node
whose CSINode names no count for a driver has no limit; a volume that is already on the
node is not counted again; in-tree disks count for the driver that serves them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import Attachable, claims_of, namespace_of
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.pod import Pod
from schedbench.plugins.base import NodeVerdicts, Plugin, Scope
from schedbench.plugins.prefilter import PreFilterStop

REASON = "node(s) exceed max volume count"


class NodeVolumeLimits(Plugin):
    """Rejects nodes that cannot attach the pod's volumes besides those they have."""

    name: ClassVar[str] = "NodeVolumeLimits"
    filter_scope: ClassVar[Scope | None] = Scope.NODE

    def pre_filter(self, pod: Pod, world: VolumeWorld) -> PreFilterStop | None:
        """Stop no pod."""
        return None

    def filter_nodes(
        self, pod: Pod, world: VolumeWorld, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes pass; none if a claim is missing."""
        for use in claims_of(pod):
            if world.claim(pod, use.name) is None:
                where = f"{namespace_of(pod)}/{use.name}"
                missing = f'persistentvolumeclaim "{use.name}" not found'
                return NodeVerdicts.of(
                    np.ones(len(slots), dtype=np.bool_),
                    f"looking up PVC {where}: {missing}",
                    unresolvable=True,
                )
        wanted: dict[str, set[Attachable]] = {}
        for volume in world.attachables(pod):
            wanted.setdefault(volume.driver, set()).add(volume)
        rejects = np.zeros(len(slots), dtype=np.bool_)
        for driver, volumes in wanted.items():
            limit = world.limit(driver)
            if limit.max(initial=-1) < 0:
                continue
            new = np.full(len(world.nodes), len(volumes), dtype=np.int64)
            for volume in volumes:
                new[world.holders(volume)] -= 1
            over = world.attached_count(driver) + new > limit
            rejects |= ((new > 0) & (limit >= 0) & over)[slots]
        return NodeVerdicts.of(rejects, REASON, unresolvable=False)
