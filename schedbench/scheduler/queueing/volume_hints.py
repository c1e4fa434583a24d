"""Hints of the volume plugins: claims, volumes, classes, attachments and drivers.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins: volumerestrictions,
nodevolumelimits (csi.go), volumebinding, volumezone.
"""

from __future__ import annotations

from itertools import product

from schedbench.objects.meta import Quantity
from schedbench.objects.pod import Pod
from schedbench.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)
from schedbench.objects.volume import Volume
from schedbench.scheduler.queueing.events import Event
from schedbench.units import nano_value

MIGRATED_PLUGINS = "storage.alpha.kubernetes.io/migrated-plugins"
ZONE_LABELS = (
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
)


def claim_of_pod(pod: Pod, event: Event) -> bool:
    """Return whether the claim is one that the pod names (not of ephemeral volumes)."""
    claim = event.new
    return (
        isinstance(claim, PersistentVolumeClaim)
        and claim.metadata.namespace == pod.metadata.namespace
        and claim.metadata.name in _named_claims(pod)
    )


def any_claim_of_pod(pod: Pod, event: Event) -> bool:
    """Return whether the claim is one of the pod's, ephemeral volumes included."""
    claim = event.new
    return (
        isinstance(claim, PersistentVolumeClaim)
        and claim.metadata.namespace == pod.metadata.namespace
        and any(
            _claim_name(pod, volume) == claim.metadata.name
            for volume in pod.spec.volumes
        )
    )


def freed_volume(pod: Pod, event: Event) -> bool:
    """Return whether a pod of the namespace that leaves held our disk or claim."""
    gone = event.old
    if not isinstance(gone, Pod) or gone.metadata.namespace != pod.metadata.namespace:
        return False
    pairs = product(pod.spec.volumes, gone.spec.volumes)
    return any(_conflict(mine, theirs) for mine, theirs in pairs) or bool(
        _named_claims(pod) & _named_claims(gone)
    )


def freed_attachment(pod: Pod, event: Event) -> bool:
    """Return whether a placed pod that leaves had a volume that counts as attached."""
    del pod
    gone = event.old
    if not isinstance(gone, Pod) or not gone.spec.node_name:
        return False
    return any(
        volume.persistent_volume_claim or volume.ephemeral or _migrated_driver(volume)
        for volume in gone.spec.volumes
    )


def detached(pod: Pod, event: Event) -> bool:
    """Return whether a volume was detached that may have taken the pod's place.

    That is any for a pod with claims, and one of its driver for an inline disk.
    """
    gone = event.old
    if not isinstance(gone, VolumeAttachment):
        return False
    return any(
        volume.persistent_volume_claim is not None
        or _migrated_driver(volume) == gone.spec.attacher
        for volume in pod.spec.volumes
    )


def more_attachable(pod: Pod, event: Event) -> bool:
    """Return whether some driver of a node can attach more volumes than before."""
    del pod
    before, after = _limits(event.old), _limits(event.new)
    return any(
        limit is not None and (count := after.get(name)) is not None and count > limit
        for name, limit in before.items()
    )


def topologies_changed(pod: Pod, event: Event) -> bool:
    """Return whether a class is new or its allowed topologies are others."""
    del pod
    old, new = event.old, event.new
    if not isinstance(new, StorageClass):
        return False
    return not isinstance(old, StorageClass) or (
        old.allowed_topologies != new.allowed_topologies
    )


def binds_late(pod: Pod, event: Event) -> bool:
    """Return whether the new class binds when the first consumer comes."""
    del pod
    new = event.new
    return (
        isinstance(new, StorageClass)
        and new.volume_binding_mode == "WaitForFirstConsumer"
    )


def migration_changed(pod: Pod, event: Event) -> bool:
    """Return whether a CSINode is new or tells other migrated plugins."""
    del pod
    old, new = event.old, event.new
    if not isinstance(new, CSINode):
        return False
    return not isinstance(old, CSINode) or (
        old.metadata.annotations.get(MIGRATED_PLUGINS, "")
        != new.metadata.annotations.get(MIGRATED_PLUGINS, "")
    )


def capacity_check_dropped(pod: Pod, event: Event) -> bool:
    """Return whether the driver of an inline volume no longer tells its capacity."""
    old, new = event.old, event.new
    if not isinstance(old, CSIDriver) or not isinstance(new, CSIDriver):
        return False
    dropped = bool(old.spec.storage_capacity) and not new.spec.storage_capacity
    return dropped and any(
        volume.csi is not None and volume.csi.driver == new.metadata.name
        for volume in pod.spec.volumes
    )


def more_capacity(pod: Pod, event: Event) -> bool:
    """Return whether a capacity is new or admits greater volumes than before."""
    del pod
    old, new = event.old, event.new
    if not isinstance(new, CSIStorageCapacity):
        return False
    if not isinstance(old, CSIStorageCapacity):
        return True
    before, after = _greatest_volume(old), _greatest_volume(new)
    if after is None:
        return False
    return before is None or nano_value(after) > nano_value(before)


def zones_changed(pod: Pod, event: Event) -> bool:
    """Return whether a volume is new or has other zones and regions."""
    del pod
    old, new = event.old, event.new
    if not isinstance(new, PersistentVolume):
        return False
    return not isinstance(old, PersistentVolume) or _zones(old) != _zones(new)


def _named_claims(pod: Pod) -> set[str]:
    return {
        volume.persistent_volume_claim.claim_name
        for volume in pod.spec.volumes
        if volume.persistent_volume_claim is not None
    }


def _claim_name(pod: Pod, volume: Volume) -> str | None:
    if volume.persistent_volume_claim is not None:
        return volume.persistent_volume_claim.claim_name
    if volume.ephemeral is not None:
        return f"{pod.metadata.name}-{volume.name}"
    return None


def _conflict(mine: Volume, theirs: Volume) -> bool:
    """Return whether two pods may not use the disks on one node."""
    gce, their_gce = mine.gce_persistent_disk, theirs.gce_persistent_disk
    if gce and their_gce and gce.pd_name == their_gce.pd_name:
        return not (gce.read_only and their_gce.read_only)
    aws, their_aws = mine.aws_elastic_block_store, theirs.aws_elastic_block_store
    if aws and their_aws and aws.volume_id == their_aws.volume_id:
        return True
    iscsi, their_iscsi = mine.iscsi, theirs.iscsi
    if iscsi and their_iscsi and iscsi.iqn == their_iscsi.iqn:
        return not (iscsi.read_only and their_iscsi.read_only)
    rbd, their_rbd = mine.rbd, theirs.rbd
    return bool(
        rbd
        and their_rbd
        and set(rbd.monitors) & set(their_rbd.monitors)
        and (rbd.pool, rbd.image) == (their_rbd.pool, their_rbd.image)
        and not (rbd.read_only and their_rbd.read_only)
    )


def _migrated_driver(volume: Volume) -> str | None:
    """Return the CSI driver that serves an inline disk of a cloud."""
    if volume.aws_elastic_block_store is not None:
        return "ebs.csi.aws.com"
    if volume.gce_persistent_disk is not None:
        return "pd.csi.storage.gke.io"
    return "disk.csi.azure.com" if volume.azure_disk is not None else None


def _limits(node: object) -> dict[str, int | None]:
    if not isinstance(node, CSINode):
        return {}
    return {
        driver.name: driver.allocatable.count if driver.allocatable else None
        for driver in node.spec.drivers
    }


def _greatest_volume(capacity: CSIStorageCapacity) -> Quantity | None:
    if capacity.maximum_volume_size is not None:
        return capacity.maximum_volume_size
    return capacity.capacity


def _zones(volume: PersistentVolume) -> dict[str, frozenset[str]]:
    """Return the zones and regions of a volume; a label with an empty part has none."""
    labels = volume.metadata.labels
    sets = {
        key: frozenset(part.strip() for part in labels[key].split("__"))
        for key in ZONE_LABELS
        if key in labels
    }
    return {key: zones for key, zones in sets.items() if "" not in zones}
