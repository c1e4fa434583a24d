"""Nodes, pods and a controller manager over the API without latencies."""

from __future__ import annotations

import msgspec
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.manager import ControllerManager
from schedbench.controlplane.parameters import NO_LATENCY, Parameters
from schedbench.objects.meta import ObjectMeta, OwnerReference
from schedbench.objects.node import Node, NodeCondition, NodeSpec, NodeStatus
from schedbench.objects.pod import (
    Container,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    ResourceRequirements,
)


def manager(
    clock: Clock, api: FakeApi, *controllers, parameters: Parameters = NO_LATENCY
):
    return ControllerManager(clock, api, parameters, 1, controllers=controllers)


def node(name: str, ready: str = "True", zone: str = "a", **resources) -> Node:
    conditions = [NodeCondition(type="Ready", status=ready)] if ready else []
    allocatable = resources or {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return Node(
        metadata=ObjectMeta(name=name, labels={"topology.kubernetes.io/zone": zone}),
        spec=NodeSpec(),
        status=NodeStatus(conditions=conditions, allocatable=allocatable),
    )


def pod(
    name: str,
    on: str | None = None,
    *,
    ready: bool | None = None,
    labels=None,
    owner: tuple[str, str, str] | None = None,
    cpu: str = "100m",
    phase: str | None = None,
    ip: str | None = None,
    tolerations=(),
) -> Pod:
    conditions = []
    if ready is not None:
        conditions = [PodCondition(type="Ready", status=str(ready))]
    owners = []
    if owner is not None:
        kind, owner_name, uid = owner
        owners = [OwnerReference(kind=kind, name=owner_name, uid=uid, controller=True)]
    requests = ResourceRequirements(requests={"cpu": cpu})
    return Pod(
        metadata=ObjectMeta(
            name=name, namespace="ns", labels=labels or {}, owner_references=owners
        ),
        spec=PodSpec(
            containers=[Container(name="c", resources=requests)],
            node_name=on,
            tolerations=list(tolerations),
        ),
        status=PodStatus(phase=phase, conditions=conditions, pod_ip=ip),
    )


def set_ready(api: FakeApi, name: str, status: str) -> None:
    """Do what a kubelet does: post the node's condition."""

    def change(item):
        conditions = [c for c in item.status.conditions if c.type != "Ready"]
        conditions.append(NodeCondition(type="Ready", status=status))
        new = msgspec.structs.replace(item.status, conditions=conditions)
        return msgspec.structs.replace(item, status=new)

    api.patch("Node", "", name, change, subresource="status")


def edit(api: FakeApi, kind: str, name: str, part: str, namespace: str = "ns", **to):
    """Change fields of an object's metadata, spec or status."""

    def change(item):
        new = msgspec.structs.replace(getattr(item, part), **to)
        return msgspec.structs.replace(item, **{part: new})

    sub = "status" if part == "status" else ""
    api.patch(kind, namespace, name, change, subresource=sub)
