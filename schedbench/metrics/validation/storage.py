"""What storage objects say of a pod's volumes: claims, disks, what drivers attach.

Source of the rules: kubernetes v1.34 k8s.io/component-helpers/storage and
k8s.io/csi-translation-lib.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import matches_node_selector
from schedbench.objects.storage import (
    CSINode,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from schedbench.objects.volume import Volume

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
CLASS_NOTE = "volume.beta.kubernetes.io/storage-class"
EBS, AZURE = "ebs.csi.aws.com", "disk.csi.azure.com"
MIGRATED = {"kubernetes.io/aws-ebs": EBS, "kubernetes.io/azure-disk": AZURE}
ZONES = (
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("topology.kubernetes.io/zone", None),
    ("topology.kubernetes.io/region", None),
)
"""Label of a volume, and the label of a node that stands in where it is absent."""

Disk: TypeAlias = tuple[str, ...]
Key: TypeAlias = tuple[str, str]


class Attached(NamedTuple):
    """A volume as a driver counts it."""

    driver: str
    handle: str


class Mount(NamedTuple):
    """A claim that a pod mounts; `own` if it lives and dies with the pod."""

    key: Key
    own: bool


class Storage:
    """The storage objects of a workload by name; they stay as they are."""

    def __init__(self, objects: Iterable[object]) -> None:
        self.claims: dict[Key, PersistentVolumeClaim] = {}
        self.volumes: dict[str, PersistentVolume] = {}
        self.classes: dict[str, StorageClass] = {}
        self.limits: dict[tuple[str, str], int] = {}
        for item in objects:
            match item:
                case PersistentVolumeClaim(metadata=meta):
                    self.claims[meta.namespace or "default", meta.name] = item
                case PersistentVolume():
                    self.volumes[item.metadata.name] = item
                case StorageClass():
                    self.classes[item.metadata.name] = item
                case CSINode():
                    self._read_limits(item)

    def _read_limits(self, item: CSINode) -> None:
        for driver in item.spec.drivers:
            if driver.allocatable is not None and driver.allocatable.count is not None:
                limit = driver.allocatable.count
                self.limits[item.metadata.name, driver.name] = limit

    def volume_of(self, claim: PersistentVolumeClaim) -> PersistentVolume | None:
        """Return the volume that a claim is bound to."""
        return self.volumes.get(claim.spec.volume_name or "")

    def waits(self, claim: PersistentVolumeClaim) -> bool:
        """Tell whether a claim without a volume gets one with its first pod."""
        storage = self.classes.get(class_of(claim))
        mode = storage.volume_binding_mode if storage is not None else None
        return mode == "WaitForFirstConsumer" and not claim.spec.volume_name

    def attached(self, pod: Pod, mounts: Iterable[Mount]) -> set[Attached]:
        """Return what a pod makes drivers attach to its node."""
        found = {_inline(volume) for volume in pod.spec.volumes}
        for mount in mounts:
            claim = self.claims.get(mount.key)
            if claim is not None:
                found.add(self._attached(mount.key, claim))
        return {one for one in found if one is not None}

    def _attached(self, key: Key, claim: PersistentVolumeClaim) -> Attached | None:
        volume = self.volume_of(claim)
        if volume is not None:
            return _of_volume(volume)
        storage = self.classes.get(class_of(claim))
        if storage is None or not storage.provisioner:
            return None
        driver = MIGRATED.get(storage.provisioner, storage.provisioner)
        return Attached(driver, f"claim {key[0]}/{key[1]}")


def mounts_of(pod: Pod, space: str, name: str) -> list[Mount]:
    """Return the claims of a pod of this name."""
    found = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            claim = volume.persistent_volume_claim.claim_name
            found.append(Mount((space, claim), own=False))
        elif volume.ephemeral is not None:
            found.append(Mount((space, f"{name}-{volume.name}"), own=True))
    return found


def disks_of(volume: Volume) -> list[tuple[Disk, bool]]:
    """Return the names of an inline disk, and whether others may read it as well."""
    if volume.gce_persistent_disk is not None:
        gce = volume.gce_persistent_disk
        return [(("gce", gce.pd_name), gce.read_only)]
    if volume.aws_elastic_block_store is not None:
        return [(("aws", volume.aws_elastic_block_store.volume_id), False)]
    if volume.iscsi is not None:
        return [(("iscsi", volume.iscsi.iqn), volume.iscsi.read_only)]
    if volume.rbd is not None:
        rbd = volume.rbd
        return [
            (("rbd", monitor, rbd.pool, rbd.image), rbd.read_only)
            for monitor in rbd.monitors
        ]
    return []


def class_of(claim: PersistentVolumeClaim) -> str:
    """Return the storage class of a claim; the old annotation wins."""
    noted = claim.metadata.annotations.get(CLASS_NOTE)
    return (claim.spec.storage_class_name if noted is None else noted) or ""


def reaches(volume: PersistentVolume, node: Node) -> bool:
    """Tell whether a volume's node affinity lets the node reach it, by labels alone."""
    affinity = volume.spec.node_affinity
    if affinity is None or affinity.required is None:
        return True
    nameless = Node(metadata=ObjectMeta(labels=node.metadata.labels))
    return matches_node_selector(affinity.required, nameless)


def wrong_zone(volume: PersistentVolume, node: Node) -> str | None:
    """Return the zone or region label of a volume that keeps it from a node.

    A label `a__b` allows both; a node without any such label reaches all volumes.
    """
    labels = node.metadata.labels
    if not any(key in labels for key, _ in ZONES):
        return None
    for key, newer in ZONES:
        text = volume.metadata.labels.get(key)
        if text is None:
            continue
        values = {part.strip() for part in text.split("__")}
        have = labels.get(key, labels.get(newer) if newer else None)
        if "" not in values and have not in values:
            return f"{key}={text}"
    return None


def _inline(volume: Volume) -> Attached | None:
    if volume.persistent_volume_claim is not None or volume.ephemeral is not None:
        return None
    if volume.aws_elastic_block_store is not None:
        return _ebs(volume.aws_elastic_block_store.volume_id)
    if volume.azure_disk is not None:
        return Attached(AZURE, volume.azure_disk.disk_uri)
    return None


def _of_volume(volume: PersistentVolume) -> Attached | None:
    spec, found = volume.spec, None
    if spec.csi is not None:
        found = Attached(spec.csi.driver, spec.csi.volume_handle)
    elif spec.aws_elastic_block_store is not None:
        found = _ebs(spec.aws_elastic_block_store.volume_id)
    elif spec.azure_disk is not None:
        found = Attached(AZURE, spec.azure_disk.disk_uri)
    return found if found is not None and found.handle else None


def _ebs(volume_id: str) -> Attached:
    return Attached(EBS, volume_id.rpartition("/")[2])
