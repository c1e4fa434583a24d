"""Storage: volumes, claims, classes and what a node's drivers can attach."""

from __future__ import annotations

from typing import Literal

import msgspec

from schedbench.objects.meta import (
    ApiObject,
    ApiStruct,
    Count32,
    ObjectMeta,
    ObjectReference,
    Quantity,
)
from schedbench.objects.selectors import LabelSelector, NodeSelector


class VolumeResources(ApiStruct):
    """How much storage a claim asks for."""

    requests: dict[str, Quantity] = msgspec.field(default_factory=dict)
    limits: dict[str, Quantity] = msgspec.field(default_factory=dict)


class PersistentVolumeClaimSpec(ApiStruct):
    """What a claim asks for."""

    access_modes: list[str] = msgspec.field(default_factory=list)
    resources: VolumeResources = msgspec.field(default_factory=VolumeResources)
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str | None = None
    volume_attributes_class_name: str | None = None


class PersistentVolumeClaimStatus(ApiStruct):
    """What a claim got."""

    phase: str | None = None
    capacity: dict[str, Quantity] = msgspec.field(default_factory=dict)


class PersistentVolumeClaim(ApiObject):
    """A pod's claim on storage."""

    spec: PersistentVolumeClaimSpec = msgspec.field(
        default_factory=PersistentVolumeClaimSpec
    )
    status: PersistentVolumeClaimStatus = msgspec.field(
        default_factory=PersistentVolumeClaimStatus
    )


class PersistentVolumeClaimTemplate(ApiStruct):
    """The claim that a generic ephemeral volume makes."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec = msgspec.field(
        default_factory=PersistentVolumeClaimSpec
    )


class VolumeNodeAffinity(ApiStruct):
    """The nodes that reach a volume."""

    required: NodeSelector | None = None


class CSIPersistentVolume(ApiStruct):
    """A volume served by a CSI driver."""

    driver: str
    volume_handle: str = ""
    read_only: bool = False


class AwsElasticBlockStore(ApiStruct):
    """An AWS disk."""

    volume_id: str = msgspec.field(default="", name="volumeID")
    read_only: bool = False


class GcePersistentDisk(ApiStruct):
    """A GCE disk."""

    pd_name: str = ""
    read_only: bool = False


class AzureDisk(ApiStruct):
    """An Azure disk."""

    disk_name: str = ""
    disk_uri: str = msgspec.field(default="", name="diskURI")
    read_only: bool = False


class PersistentVolumeSpec(ApiStruct):
    """What a volume is."""

    capacity: dict[str, Quantity] = msgspec.field(default_factory=dict)
    access_modes: list[str] = msgspec.field(default_factory=list)
    claim_ref: ObjectReference | None = None
    storage_class_name: str = ""
    volume_mode: str | None = None
    volume_attributes_class_name: str | None = None
    node_affinity: VolumeNodeAffinity | None = None
    csi: CSIPersistentVolume | None = None
    aws_elastic_block_store: AwsElasticBlockStore | None = None
    gce_persistent_disk: GcePersistentDisk | None = None
    azure_disk: AzureDisk | None = None


class PersistentVolumeStatus(ApiStruct):
    """What became of a volume."""

    phase: str | None = None


class PersistentVolume(ApiObject):
    """A piece of storage in the cluster."""

    spec: PersistentVolumeSpec = msgspec.field(default_factory=PersistentVolumeSpec)
    status: PersistentVolumeStatus = msgspec.field(
        default_factory=PersistentVolumeStatus
    )


class TopologySelectorLabelRequirement(ApiStruct):
    """A label that must have one of the values."""

    key: str
    values: list[str] = msgspec.field(default_factory=list)


class TopologySelectorTerm(ApiStruct):
    """Labels that must all match."""

    match_label_expressions: list[TopologySelectorLabelRequirement] = msgspec.field(
        default_factory=list
    )


class StorageClass(ApiObject):
    """How volumes of a class are made and bound."""

    provisioner: str = ""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    volume_binding_mode: Literal["Immediate", "WaitForFirstConsumer"] | None = None
    allowed_topologies: list[TopologySelectorTerm] = msgspec.field(default_factory=list)


class VolumeNodeResources(ApiStruct):
    """How many volumes a driver can attach to the node."""

    count: Count32 | None = None


class CSINodeDriver(ApiStruct):
    """A CSI driver on a node."""

    name: str
    node_id: str = msgspec.field(default="", name="nodeID")
    topology_keys: list[str] = msgspec.field(default_factory=list)
    allocatable: VolumeNodeResources | None = None


class CSINodeSpec(ApiStruct):
    """The drivers of a node."""

    drivers: list[CSINodeDriver] = msgspec.field(default_factory=list)


class CSINode(ApiObject):
    """The CSI drivers of the node of the same name."""

    spec: CSINodeSpec = msgspec.field(default_factory=CSINodeSpec)


class CSIDriverSpec(ApiStruct):
    """What a CSI driver can do."""

    attach_required: bool | None = None
    storage_capacity: bool | None = None


class CSIDriver(ApiObject):
    """A CSI driver of the cluster."""

    spec: CSIDriverSpec = msgspec.field(default_factory=CSIDriverSpec)


class CSIStorageCapacity(ApiObject):
    """Storage that a class can still provision in a part of the cluster."""

    storage_class_name: str = ""
    node_topology: LabelSelector | None = None
    capacity: Quantity | None = None
    maximum_volume_size: Quantity | None = None


class VolumeAttachmentSource(ApiStruct):
    """The volume of an attachment."""

    persistent_volume_name: str | None = None


class VolumeAttachmentSpec(ApiStruct):
    """Which volume is attached to which node."""

    attacher: str = ""
    node_name: str = ""
    source: VolumeAttachmentSource = msgspec.field(
        default_factory=VolumeAttachmentSource
    )


class VolumeAttachment(ApiObject):
    """A volume attached to a node."""

    spec: VolumeAttachmentSpec = msgspec.field(default_factory=VolumeAttachmentSpec)
