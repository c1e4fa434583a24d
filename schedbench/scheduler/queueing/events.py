"""Cluster events: what changed, told as finely as the scheduler tells it apart.

Source: kubernetes v1.34 staging kube-scheduler/framework (types.go), and
pkg/scheduler/framework/events.go and pkg/scheduler/eventhandlers.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, Flag, auto
from typing import TypeAlias

import msgspec

from schedbench.objects.meta import ApiObject, Quantity
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.objects.resources import pod_requests, was_resized
from schedbench.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)
from schedbench.units import nano_value


class Resource(Enum):
    """The kind of object that an event is about; `POD` stands for both sorts."""

    NODE = "Node"
    POD = "Pod"
    ASSIGNED_POD = "AssignedPod"
    UNSCHEDULED_POD = "UnscheduledPod"
    CLAIM = "PersistentVolumeClaim"
    VOLUME = "PersistentVolume"
    STORAGE_CLASS = "StorageClass"
    CSI_NODE = "CSINode"
    CSI_DRIVER = "CSIDriver"
    CSI_STORAGE_CAPACITY = "CSIStorageCapacity"
    VOLUME_ATTACHMENT = "VolumeAttachment"
    RESOURCE_CLAIM = "ResourceClaim"
    RESOURCE_SLICE = "ResourceSlice"
    DEVICE_CLASS = "DeviceClass"
    POD_GROUP = "PodGroup"
    COMPOSITE_POD_GROUP = "CompositePodGroup"
    EVERYTHING = "*"

    __hash__ = object.__hash__  # Enum hashes the name anew each time


class Action(Flag):
    """What happened to the object; `UPDATE` is every update, told apart or not."""

    ADD = auto()
    DELETE = auto()
    NODE_ALLOCATABLE = auto()
    NODE_LABEL = auto()
    NODE_TAINT = auto()
    NODE_CONDITION = auto()
    NODE_ANNOTATION = auto()
    POD_LABEL = auto()
    POD_SCALE_DOWN = auto()
    POD_TOLERATION = auto()
    POD_GATES_ELIMINATED = auto()
    POD_RESOURCE_CLAIM = auto()
    OTHER_UPDATE = auto()
    UPDATE = (
        NODE_ALLOCATABLE
        | NODE_LABEL
        | NODE_TAINT
        | NODE_CONDITION
        | NODE_ANNOTATION
        | POD_LABEL
        | POD_SCALE_DOWN
        | POD_TOLERATION
        | POD_GATES_ELIMINATED
        | POD_RESOURCE_CLAIM
        | OTHER_UPDATE
    )
    ALL = ADD | DELETE | UPDATE

    __hash__ = object.__hash__


class Event(msgspec.Struct, frozen=True, gc=False):
    """A change of the cluster.

    Attributes
    ----------
    resource, action
        What changed and how; `action` is one action, or `UPDATE` for a change that
        nothing tells apart.
    old, new
        The object before and after; None where there is none.
    """

    resource: Resource
    action: Action
    old: ApiObject | None = None
    new: ApiObject | None = None

    @property
    def wildcard(self) -> bool:
        """Whether the event concerns every waiting pod, whoever rejected it."""
        return self.resource is Resource.EVERYTHING and self.action is Action.ALL


Interest: TypeAlias = tuple[Resource, Action]
"""The resource and the actions that a plugin registered for."""

TIMEOUT = Event(Resource.EVERYTHING, Action.ALL)
"""A pod waited too long: it is tried again whatever it was that rejected it."""

_RESOURCES: dict[type[ApiObject], Resource] = {
    Node: Resource.NODE,
    PersistentVolumeClaim: Resource.CLAIM,
    PersistentVolume: Resource.VOLUME,
    StorageClass: Resource.STORAGE_CLASS,
    CSINode: Resource.CSI_NODE,
    CSIDriver: Resource.CSI_DRIVER,
    CSIStorageCapacity: Resource.CSI_STORAGE_CAPACITY,
    VolumeAttachment: Resource.VOLUME_ATTACHMENT,
    PodGroup: Resource.POD_GROUP,
    CompositePodGroup: Resource.COMPOSITE_POD_GROUP,
}


def force_activation(pod: Pod) -> Event:
    """Return the event that someone wants this very pod tried again."""
    return Event(Resource.EVERYTHING, Action.ALL, None, pod)


def covers(interest: Interest, event: Event) -> bool:
    """Return whether a registration is for the event.

    A registration for label updates is not for an update that nothing tells apart,
    and none but a wildcard is for a wildcard event.
    """
    resource, actions = interest
    if resource is Resource.EVERYTHING and actions is Action.ALL:
        return True
    pods = {Resource.ASSIGNED_POD, Resource.UNSCHEDULED_POD}
    about = resource in {Resource.EVERYTHING, event.resource} or (
        resource is Resource.POD and event.resource in pods
    )
    return about and event.action in actions


def events_of(old: ApiObject | None, new: ApiObject | None) -> list[Event]:
    """Return the events of a change, from the object before and after it.

    An update of a node is as many events as scheduling properties changed, so perhaps
    none; that of a pod is at least one. A pod that gets its node is an assigned pod
    that was added. Objects that the scheduler does not watch give none.
    """
    if isinstance(new, Pod) or isinstance(old, Pod):
        return _pod_events(old, new)
    if isinstance(old, Node) and isinstance(new, Node):
        return [Event(Resource.NODE, action, old, new) for action in _changed(old, new)]
    last = old if new is None else new
    resource = None if last is None else _RESOURCES.get(type(last))
    return [] if resource is None else [Event(resource, _action(old, new), old, new)]


def is_assigned(pod: Pod) -> bool:
    """Return whether the pod has a node."""
    return bool(pod.spec.node_name)


def same_pod(one: Pod, other: Pod) -> bool:
    """Return whether two versions are of one pod: by uid, or by name without uids."""
    ours, theirs = one.metadata.uid, other.metadata.uid
    return ours == theirs if ours and theirs else one.key == other.key


def _action(old: object, new: object) -> Action:
    if old is None:
        return Action.ADD
    return Action.DELETE if new is None else Action.UPDATE


def _pod_events(old: ApiObject | None, new: ApiObject | None) -> list[Event]:
    before = old if isinstance(old, Pod) else None
    after = new if isinstance(new, Pod) else None
    if before and after and is_assigned(after) and not is_assigned(before):
        before = None
    last = after or before
    assert last is not None
    assigned = is_assigned(last)
    resource = Resource.ASSIGNED_POD if assigned else Resource.UNSCHEDULED_POD
    if before is None or after is None:
        return [Event(resource, _action(before, after), before, after)]
    actions = []
    if before.metadata.labels != after.metadata.labels:
        actions.append(Action.POD_LABEL)
    if _scaled_down(before, after):
        actions.append(Action.POD_SCALE_DOWN)
    if before.spec is not after.spec:
        if before.spec.scheduling_gates and not after.spec.scheduling_gates:
            actions.append(Action.POD_GATES_ELIMINATED)
        if len(before.spec.tolerations) != len(after.spec.tolerations):
            actions.append(Action.POD_TOLERATION)
    if not actions:
        return [Event(resource, Action.UPDATE, before, after)]
    return [Event(resource, action, before, after) for action in actions]


def _scaled_down(old: Pod, new: Pod) -> bool:
    if old.spec is new.spec and not was_resized(old) and not was_resized(new):
        return False
    before, after = pod_requests(old), pod_requests(new)
    return any(
        name not in after or amount > after[name] for name, amount in before.items()
    )


def _changed(old: Node, new: Node) -> list[Action]:
    """Return what changed on a node, in the order in which it is announced."""
    conditions = [
        {one.type: one.status for one in node.status.conditions} for node in (old, new)
    ]
    allocatable = [_amounts(node.status.allocatable) for node in (old, new)]
    told = (
        (Action.NODE_TAINT, old.spec.unschedulable and not new.spec.unschedulable),
        (Action.NODE_ALLOCATABLE, allocatable[0] != allocatable[1]),
        (Action.NODE_LABEL, old.metadata.labels != new.metadata.labels),
        (Action.NODE_TAINT, old.spec.taints != new.spec.taints),
        (Action.NODE_CONDITION, conditions[0] != conditions[1]),
        (
            Action.NODE_ANNOTATION,
            old.metadata.annotations != new.metadata.annotations,
        ),
    )
    return [action for action, changed in told if changed]


def _amounts(resources: Mapping[str, Quantity]) -> dict[str, int]:
    return {name: nano_value(quantity) for name, quantity in resources.items()}
