"""What storage objects say: the claims of a pod, classes, owners, disks behind them.

Source: kubernetes v1.34 k8s.io/component-helpers/storage (volume, ephemeral),
k8s.io/csi-translation-lib for in-tree disks that a CSI driver serves today.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from schedbench.objects.meta import ObjectReference
from schedbench.objects.pod import Pod
from schedbench.objects.storage import (
    AwsElasticBlockStore,
    PersistentVolume,
    PersistentVolumeClaim,
)
from schedbench.objects.volume import Volume

Key: TypeAlias = tuple[str, str]

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
ONE_POD = "ReadWriteOncePod"
BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"
BETA_REGION = "failure-domain.beta.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"

IN_TREE_DRIVERS = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
}
"""In-tree provisioner → the driver that serves its volumes since v1.31."""


class ClaimUse(NamedTuple):
    """A claim that a pod mounts; `ephemeral` if it lives and dies with the pod."""

    name: str
    ephemeral: bool


class Attachable(NamedTuple):
    """A volume as an attach limit counts it."""

    driver: str
    handle: str


def uses_volumes(pod: Pod) -> bool:
    """Tell whether any of the volume plugins has something to do for a pod.

    Pods with none but secrets, config maps, empty directories and inline CSI volumes
    need none of them.
    """
    return any(
        volume.persistent_volume_claim is not None
        or volume.ephemeral is not None
        or volume.azure_disk is not None
        or has_disk(volume)
        for volume in pod.spec.volumes
    )


def has_disk(volume: Volume) -> bool:
    """Tell whether a volume is an inline disk that two pods may fight for."""
    return (
        volume.gce_persistent_disk is not None
        or volume.aws_elastic_block_store is not None
        or volume.iscsi is not None
        or volume.rbd is not None
    )


def claims_of(pod: Pod) -> Iterator[ClaimUse]:
    """Yield the claims that a pod mounts, in the order of its volumes."""
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            yield ClaimUse(volume.persistent_volume_claim.claim_name, ephemeral=False)
        elif volume.ephemeral is not None:
            name = f"{pod.metadata.name}-{volume.name}"
            yield ClaimUse(name, ephemeral=True)


def namespace_of(item: Pod | PersistentVolumeClaim) -> str:
    """Return the namespace of an object; none is written where it is `default`."""
    return item.metadata.namespace or "default"


def key_of(claim: PersistentVolumeClaim) -> Key:
    """Return namespace and name of a claim."""
    return namespace_of(claim), claim.metadata.name


def is_made_for(claim: PersistentVolumeClaim, pod: Pod) -> bool:
    """Tell whether a pod is the controller that owns the claim."""
    owners = [one for one in claim.metadata.owner_references if one.controller]
    return bool(owners) and (owners[0].uid or "") == (pod.metadata.uid or "")


def class_of_claim(claim: PersistentVolumeClaim) -> str:
    """Return the storage class of a claim; the old annotation wins."""
    found = claim.metadata.annotations.get(BETA_CLASS, claim.spec.storage_class_name)
    return found or ""


def class_of_volume(volume: PersistentVolume) -> str:
    """Return the storage class of a volume; the old annotation wins."""
    return volume.metadata.annotations.get(BETA_CLASS, volume.spec.storage_class_name)


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """Tell whether a claim is fully bound to a volume."""
    named = bool(claim.spec.volume_name)
    return named and BIND_COMPLETED in claim.metadata.annotations


def is_taken_by(reference: ObjectReference, claim: PersistentVolumeClaim) -> bool:
    """Tell whether a volume's `claimRef` means this claim; without uid: by name."""
    same = (reference.namespace or "default", reference.name) == key_of(claim)
    uid = reference.uid or ""
    return same and (not uid or uid == (claim.metadata.uid or ""))


def zones_of(volume: PersistentVolume) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the zone and region labels of a volume, each with the values it allows.

    A label `a__b` allows both; one with an empty part is passed over.
    """
    for key in (BETA_ZONE, BETA_REGION, ZONE, REGION):
        text = volume.metadata.labels.get(key)
        if text is not None:
            values = frozenset(part.strip() for part in text.split("__"))
            if "" not in values:
                yield key, values


def attachable_volume(volume: PersistentVolume) -> Attachable | None:
    """Return what a volume counts as, None if no limit counts it."""
    spec = volume.spec
    if spec.csi is not None:
        return _counted(spec.csi.driver, spec.csi.volume_handle)
    if spec.aws_elastic_block_store is not None:
        found = _ebs(spec.aws_elastic_block_store)
        return found if found is None else _counted(*found)
    if spec.gce_persistent_disk is not None:
        place = _gce_place(volume)
        return _gce(place, spec.gce_persistent_disk.pd_name) if place else None
    if spec.azure_disk is not None:
        return _counted(
            IN_TREE_DRIVERS["kubernetes.io/azure-disk"], spec.azure_disk.disk_uri
        )
    return None


def attachable_inline(volume: Volume) -> Attachable | None:
    """Return what an inline disk of a pod counts as, None if no limit counts it."""
    if volume.aws_elastic_block_store is not None:
        return _ebs(volume.aws_elastic_block_store)
    if volume.gce_persistent_disk is not None:
        return _gce("zones/UNSPECIFIED", volume.gce_persistent_disk.pd_name)
    if volume.azure_disk is not None:
        driver = IN_TREE_DRIVERS["kubernetes.io/azure-disk"]
        return Attachable(driver, volume.azure_disk.disk_uri)
    return None


def _counted(driver: str, handle: str) -> Attachable | None:
    return Attachable(driver, handle) if driver and handle else None


def _ebs(disk: AwsElasticBlockStore) -> Attachable | None:
    handle = disk.volume_id
    if handle.startswith("aws://"):
        _, _, path = handle.removeprefix("aws://").partition("/")
        handle = path.strip("/")
        if not re.fullmatch(r"vol-[^/]*", handle):
            return None
    return Attachable(IN_TREE_DRIVERS["kubernetes.io/aws-ebs"], handle)


def _gce(place: str, name: str) -> Attachable:
    driver = IN_TREE_DRIVERS["kubernetes.io/gce-pd"]
    return Attachable(driver, f"projects/UNSPECIFIED/{place}/disks/{name}")


def _gce_place(volume: PersistentVolume) -> str:
    labels = volume.metadata.labels
    zones = (labels.get(BETA_ZONE) or labels.get(ZONE) or "").split("__")
    if len(zones) == 1:
        return f"zones/{zones[0] or 'UNSPECIFIED'}"
    regions = {zone.rpartition("-")[0] for zone in zones}
    return f"regions/{regions.pop()}" if len(regions) == 1 else ""
