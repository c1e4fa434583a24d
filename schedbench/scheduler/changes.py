"""What of a change concerns the columns of a scheduler."""

from __future__ import annotations

import msgspec

from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import Namespace

SELECTING = (Namespace, Service, ReplicationController, ReplicaSet, StatefulSet)
"""Kinds of which the columns hold something."""


def changes_class(before: Pod, after: Pod) -> bool:
    """Return whether a new version of a pod may be of another class."""
    old, new = before.metadata, after.metadata
    if (old.deletion_timestamp is None) != (new.deletion_timestamp is None):
        return True
    if old.labels is not new.labels and old.labels != new.labels:
        return True
    if before.status.resize != after.status.resize:
        return True
    one, other = before.spec, after.spec
    if one is other:
        return False
    if one.node_name != other.node_name:
        one = msgspec.structs.replace(one, node_name=other.node_name)
    return one != other


def node_parts(node: Node) -> tuple[object, ...]:
    """Return what scheduling looks at of a node."""
    meta, status = node.metadata, node.status
    return (
        meta.labels,
        meta.annotations,
        node.spec,
        status.allocatable,
        status.volumes_in_use,
        status.volumes_attached,
        status.declared_features,
        status.images,
    )


def changes_images_only(before: Node, after: Node) -> bool:
    """Return whether scheduling sees no other change of a node than of its images."""
    return node_parts(before)[:-1] == node_parts(after)[:-1]


def selection(item: KubernetesObject) -> object:
    """Return what the columns hold of an object of another kind."""
    if isinstance(item, Namespace):
        return item.metadata.labels
    return item.spec.selector if isinstance(item, SELECTING) else None
