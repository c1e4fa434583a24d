"""All kinds of objects that schedbench knows."""

from __future__ import annotations

from typing import TypeAlias

from schedbench.objects.autoscaling import HorizontalPodAutoscaler
from schedbench.objects.controllers import (
    ControllerRevision,
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.coordination import Lease
from schedbench.objects.discovery import Endpoints, EndpointSlice
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import (
    CompositePodGroup,
    LimitRange,
    Namespace,
    PodDisruptionBudget,
    PodGroup,
    PriorityClass,
    ResourceQuota,
    ServiceAccount,
)
from schedbench.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)

KubernetesObject: TypeAlias = (
    Pod
    | Node
    | Namespace
    | Service
    | ReplicationController
    | ReplicaSet
    | StatefulSet
    | Deployment
    | DaemonSet
    | ControllerRevision
    | Job
    | CronJob
    | PodDisruptionBudget
    | PriorityClass
    | PersistentVolume
    | PersistentVolumeClaim
    | StorageClass
    | CSINode
    | CSIDriver
    | CSIStorageCapacity
    | VolumeAttachment
    | ResourceQuota
    | LimitRange
    | PodGroup
    | CompositePodGroup
    | ServiceAccount
    | EndpointSlice
    | Endpoints
    | HorizontalPodAutoscaler
    | Lease
)

GROUPS: dict[str, tuple[type[KubernetesObject], ...]] = {
    "": (
        Pod,
        Node,
        Namespace,
        Service,
        ReplicationController,
        PersistentVolume,
        PersistentVolumeClaim,
        ResourceQuota,
        LimitRange,
        ServiceAccount,
        Endpoints,
    ),
    "apps": (ReplicaSet, StatefulSet, Deployment, DaemonSet, ControllerRevision),
    "autoscaling": (HorizontalPodAutoscaler,),
    "batch": (Job, CronJob),
    "coordination.k8s.io": (Lease,),
    "discovery.k8s.io": (EndpointSlice,),
    "policy": (PodDisruptionBudget,),
    "scheduling.k8s.io": (PriorityClass, PodGroup, CompositePodGroup),
    "storage.k8s.io": (
        StorageClass,
        CSINode,
        CSIDriver,
        CSIStorageCapacity,
        VolumeAttachment,
    ),
}
"""API group → its kinds."""

KINDS: dict[str, type[KubernetesObject]] = {
    kind.__name__: kind for kinds in GROUPS.values() for kind in kinds
}
"""Name of a kind → its class."""

GROUP_OF: dict[str, str] = {
    kind.__name__: group for group, kinds in GROUPS.items() for kind in kinds
}
"""Name of a kind → its API group."""

NAMESPACED: frozenset[str] = frozenset(KINDS) - {
    "Node",
    "Namespace",
    "PriorityClass",
    "PersistentVolume",
    "StorageClass",
    "CSINode",
    "CSIDriver",
    "VolumeAttachment",
}
"""Kinds that live in a namespace."""
