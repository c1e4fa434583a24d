"""Node: a machine that pods are placed on."""

from __future__ import annotations

import msgspec

from schedbench.objects.meta import ApiObject, ApiStruct, Int64, Quantity
from schedbench.objects.taints import Taint


class NodeSpec(ApiStruct):
    """What is wanted of a node."""

    unschedulable: bool = False
    taints: list[Taint] = msgspec.field(default_factory=list)
    pod_cidr: str | None = msgspec.field(default=None, name="podCIDR")
    provider_id: str | None = msgspec.field(default=None, name="providerID")


class ContainerImage(ApiStruct):
    """An image that is on the node; size in bytes."""

    names: list[str] = msgspec.field(default_factory=list)
    size_bytes: Int64 = 0


class NodeCondition(ApiStruct):
    """One observed condition of a node."""

    type: str
    status: str = "Unknown"
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


class NodeAddress(ApiStruct):
    """An address of a node."""

    type: str = "InternalIP"
    address: str = ""


class AttachedVolume(ApiStruct):
    """A volume that is attached to the node."""

    name: str
    device_path: str | None = None


class NodeStatus(ApiStruct):
    """What a node has."""

    capacity: dict[str, Quantity] = msgspec.field(default_factory=dict)
    allocatable: dict[str, Quantity] = msgspec.field(default_factory=dict)
    images: list[ContainerImage] = msgspec.field(default_factory=list)
    conditions: list[NodeCondition] = msgspec.field(default_factory=list)
    volumes_in_use: list[str] = msgspec.field(default_factory=list)
    volumes_attached: list[AttachedVolume] = msgspec.field(default_factory=list)
    addresses: list[NodeAddress] = msgspec.field(default_factory=list)
    declared_features: list[str] = msgspec.field(default_factory=list)


class Node(ApiObject):
    """A machine that pods are placed on."""

    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)
