"""Volumes of a pod; sources that scheduling does not look at are left out."""

from __future__ import annotations

import msgspec

from schedbench.objects.meta import ApiStruct, Int32
from schedbench.objects.storage import (
    AwsElasticBlockStore,
    AzureDisk,
    GcePersistentDisk,
    PersistentVolumeClaimTemplate,
)


class PersistentVolumeClaimVolume(ApiStruct):
    """A volume that a claim stands for."""

    claim_name: str
    read_only: bool = False


class EphemeralVolume(ApiStruct):
    """A volume whose claim lives and dies with the pod."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class IscsiVolume(ApiStruct):
    """An iSCSI disk."""

    target_portal: str = ""
    iqn: str = ""
    lun: Int32 = 0
    read_only: bool = False


class RbdVolume(ApiStruct):
    """A Ceph block device."""

    monitors: list[str] = msgspec.field(default_factory=list)
    image: str = ""
    pool: str = "rbd"
    read_only: bool = False


class CSIVolume(ApiStruct):
    """An inline volume of a CSI driver."""

    driver: str
    read_only: bool | None = None


class Volume(ApiStruct):
    """A volume of a pod."""

    name: str = ""
    persistent_volume_claim: PersistentVolumeClaimVolume | None = None
    ephemeral: EphemeralVolume | None = None
    aws_elastic_block_store: AwsElasticBlockStore | None = None
    gce_persistent_disk: GcePersistentDisk | None = None
    azure_disk: AzureDisk | None = None
    iscsi: IscsiVolume | None = None
    rbd: RbdVolume | None = None
    csi: CSIVolume | None = None
