"""Which disks, claims and attached volumes the pods on every node hold."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import (
    Attachable,
    Key,
    claims_of,
    namespace_of,
)
from schedbench.objects.pod import Pod
from schedbench.objects.volume import Volume

Disk: TypeAlias = tuple[str, ...]
Holders: TypeAlias = collections.Counter[int]


class VolumeUsage:
    """Counts of what pods hold, by node slot.

    Attributes
    ----------
    claims
        Claim → slot → pods that mount it by name (claims of ephemeral volumes do not
        count here).
    attached
        Volume → slot → pods that hold it.
    count
        Driver → int64[N], distinct volumes of the driver that pods on the node hold.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._disks: dict[Disk, Holders] = collections.defaultdict(collections.Counter)
        self._written: dict[Disk, Holders] = collections.defaultdict(
            collections.Counter
        )
        self.claims: dict[Key, Holders] = collections.defaultdict(collections.Counter)
        self.attached: dict[Attachable, Holders] = collections.defaultdict(
            collections.Counter
        )
        self.count: dict[str, NDArray[np.int64]] = {}

    def add(self, pod: Pod, slot: int, sign: int) -> None:
        """Count the disks and claims of a pod (`sign` 1) or take them away (−1)."""
        for volume in pod.spec.volumes:
            for disk, read_only in disks_of(volume):
                _change(self._disks, disk, slot, sign)
                if not read_only:
                    _change(self._written, disk, slot, sign)
        for claim in claims_of(pod):
            if not claim.ephemeral:
                key = (namespace_of(pod), claim.name)
                _change(self.claims, key, slot, sign)

    def attach(self, volumes: Sequence[Attachable], slot: int, sign: int) -> None:
        """Count the distinct volumes that a pod attaches, or take them away."""
        for volume in set(volumes):
            before = self.attached[volume][slot] if volume in self.attached else 0
            _change(self.attached, volume, slot, sign)
            if (before > 0) != (before + sign > 0):
                if volume.driver not in self.count:
                    self.count[volume.driver] = np.zeros(self._slots, dtype=np.int64)
                self.count[volume.driver][slot] += sign

    def detach_all(self) -> None:
        """Forget all attached volumes."""
        self.attached.clear()
        self.count.clear()

    def fights(self, volume: Volume) -> set[int]:
        """Return the slots where a pod holds a disk of this inline volume.

        Two pods may share a disk only if both read it, an EBS disk never.
        """
        found: set[int] = set()
        for disk, read_only in disks_of(volume):
            held = self._written if read_only else self._disks
            found.update(held.get(disk, ()))
        return found


def disks_of(volume: Volume) -> Iterator[tuple[Disk, bool]]:
    """Yield the names that an inline disk goes by, and whether it is only read.

    Two iSCSI volumes are the same disk by their IQN alone, two Ceph images by pool,
    image and any common monitor.
    """
    if volume.gce_persistent_disk is not None:
        gce = volume.gce_persistent_disk
        yield ("gce", gce.pd_name), gce.read_only
    if volume.aws_elastic_block_store is not None:
        yield ("aws", volume.aws_elastic_block_store.volume_id), False
    if volume.iscsi is not None:
        yield ("iscsi", volume.iscsi.iqn), volume.iscsi.read_only
    if volume.rbd is not None:
        rbd = volume.rbd
        for monitor in set(rbd.monitors):
            yield ("rbd", monitor, rbd.pool, rbd.image), rbd.read_only


def _change(table: dict, name: object, slot: int, sign: int) -> None:
    held = table[name]
    held[slot] += sign
    if not held[slot]:
        del held[slot]
        if not held:
            del table[name]
