"""Pods whose volumes rule no node out, so that the compiled loop may place them."""

from __future__ import annotations

from schedbench.cluster.volume_objects import (
    ONE_POD,
    claims_of,
    has_disk,
    is_bound,
    zones_of,
)
from schedbench.objects.pod import Pod
from schedbench.objects.storage import PersistentVolumeClaim
from schedbench.simulation.queued.cluster import QueuedCluster

NO_END = 2**62


class IdleVolumes:
    """Which pods have none but bound claims that every node reaches.

    Of what volume plugins say, only attach limits are left for them, and these too as
    long as even the node with least room has enough for all pods in question. Nodes
    that come or change are not foreseen: where they do, no pod is taken for such.
    """

    def __init__(self, cluster: QueuedCluster) -> None:
        self._volumes = cluster.world.volumes
        self._changes = bool(cluster.encoded.workload.node_events)
        self._drivers: dict[str, int] = {}

    def add(self, pod: Pod) -> bool:
        """Return whether a pod is one of them, and be ready for it."""
        if self._changes:
            return False
        for volume in pod.spec.volumes:
            if volume.ephemeral is not None or volume.azure_disk is not None:
                return False
            if has_disk(volume):
                return False
        for use in claims_of(pod):
            claim = self._volumes.claim(pod, use.name)
            if claim is None or not self._is_idle(claim):
                return False
        wanted: dict[str, int] = {}
        for one in self._volumes.attachables(pod):
            wanted[one.driver] = wanted.get(one.driver, 0) + 1
        for driver, count in wanted.items():
            if self._volumes.limit(driver).max(initial=-1) >= 0:
                self._drivers[driver] = max(count, self._drivers.get(driver, 0))
        return True

    def room(self) -> int:
        """Return how many of the pods may come before a node may be too full."""
        least = NO_END
        for driver, most in self._drivers.items():
            limit = self._volumes.limit(driver)
            left = (limit - self._volumes.attached_count(driver))[limit >= 0]
            least = min(least, int(left.min()) // most)
        return max(least, 0)

    def _is_idle(self, claim: PersistentVolumeClaim) -> bool:
        volume = self._volumes.volumes.get(claim.spec.volume_name or "")
        return (
            volume is not None
            and is_bound(claim)
            and claim.status.phase != "Lost"
            and claim.metadata.deletion_timestamp is None
            and ONE_POD not in claim.spec.access_modes
            and not any(zones_of(volume))
            and bool(self._volumes.reached(volume).all())
        )
