"""Volumes: claims, disks that two pods fight for, what a node can reach and attach.

Source of the rules: kubernetes v1.34 pkg/scheduler/framework/plugins (volumebinding,
volumezone, volumerestrictions, nodevolumelimits). Which volume a claim takes that
waits for its first consumer is not in the log, so that such a claim is judged by what
its driver can attach alone; counted as attached is what pods hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from schedbench.metrics.validation.storage import (
    BIND_COMPLETED,
    Attached,
    Disk,
    Key,
    Mount,
    Storage,
    disks_of,
    mounts_of,
    reaches,
    wrong_zone,
)
from schedbench.metrics.validation.wish import Machine, Problem, Wish
from schedbench.objects.storage import PersistentVolumeClaim


class Volumes:
    """The storage objects, and what pods hold on which node."""

    def __init__(self, objects: Iterable[object]) -> None:
        self.storage = Storage(objects)
        self._mounted: Counter[Key] = Counter()
        self._attached: defaultdict[int, Counter[Attached]] = defaultdict(Counter)
        self._disks: defaultdict[int, Counter[tuple[Disk, bool]]]
        self._disks = defaultdict(Counter)

    def account(self, wish: Wish, name: str, machine: Machine, sign: int) -> None:
        """Let a pod of this `namespace/name` hold its volumes, or give them back."""
        if not wish.pod.spec.volumes:
            return
        mounts = _mounts(wish, name)
        for mount in mounts:
            if not mount.own:
                self._mounted[mount.key] += sign
        for one in self.storage.attached(wish.pod, mounts):
            _count(self._attached[machine.slot], one, sign)
        for volume in wish.pod.spec.volumes:
            for disk in disks_of(volume):
                _count(self._disks[machine.slot], disk, sign)

    def problems(self, wish: Wish, name: str, machine: Machine) -> Iterator[Problem]:
        """Yield what keeps the pod's volumes from the node, before it is there."""
        if not wish.pod.spec.volumes:
            return
        mounts = _mounts(wish, name)
        for mount in mounts:
            yield from self._claim_problems(mount, machine)
        yield from self._limit_problems(wish, mounts, machine)
        held = self._disks[machine.slot]
        for volume in wish.pod.spec.volumes:
            for disk, read_only in disks_of(volume):
                if held[disk, False] or (held[disk, True] and not read_only):
                    yield "volume disk", f"{' '.join(disk)} is on the node already"

    def _claim_problems(self, mount: Mount, machine: Machine) -> Iterator[Problem]:
        claim = self.storage.claims.get(mount.key)
        name = "/".join(mount.key)
        if claim is None:
            yield "volume claim", f"{name} does not exist"
            return
        if "ReadWriteOncePod" in claim.spec.access_modes and self._mounted[mount.key]:
            yield "volume claim", f"{name} is for one pod and in use"
        if claim.metadata.deletion_timestamp is not None:
            yield "volume claim", f"{name} is being deleted"
        if claim.spec.volume_name and BIND_COMPLETED in claim.metadata.annotations:
            yield from self._bound_problems(mount, claim, machine)
        elif not self.storage.waits(claim):
            yield "volume claim", f"{name} is not bound"

    def _bound_problems(
        self, mount: Mount, claim: PersistentVolumeClaim, machine: Machine
    ) -> Iterator[Problem]:
        volume = self.storage.volume_of(claim)
        if volume is None:
            name = "/".join(mount.key)
            yield "volume claim", f"{name} is bound to no volume that exists"
            return
        if not reaches(volume, machine.node):
            yield "volume node affinity", f"{volume.metadata.name} is out of reach"
        zone = None if mount.own else wrong_zone(volume, machine.node)
        if zone is not None:
            yield "volume zone", f"{volume.metadata.name} is in {zone}"

    def _limit_problems(
        self, wish: Wish, mounts: list[Mount], machine: Machine
    ) -> Iterator[Problem]:
        limits, held = self.storage.limits, self._attached[machine.slot]
        here = machine.node.metadata.name
        wanted = self.storage.attached(wish.pod, mounts)
        for driver in sorted({one.driver for one in wanted}):
            limit = limits.get((here, driver))
            new = {one for one in wanted if one.driver == driver} - held.keys()
            total = len(new) + sum(one.driver == driver for one in held)
            if limit is not None and new and total > limit:
                yield "volume limit", f"{driver}: {total} volumes on a node for {limit}"


def _mounts(wish: Wish, name: str) -> list[Mount]:
    return mounts_of(wish.pod, wish.space, name.partition("/")[2])


def _count(table: Counter, item: object, sign: int) -> None:
    table[item] += sign
    if not table[item]:
        del table[item]
