"""What a pod asks for and what a node holds, read from the objects of the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.objects.taints import Taint, tolerates
from schedbench.objects.workload import Workload
from schedbench.units import value

GPU_COUNT = "alibabacloud.com/gpu-count"
GPU_MILLI = "alibabacloud.com/gpu-milli"
GPU_MODEL = "alibabacloud.com/gpu-card-model"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the API's name for every address

Problem: TypeAlias = tuple[str, str]
"""A rule and a detail."""


class Port(NamedTuple):
    """A port of the host."""

    address: str
    protocol: str
    number: int

    def clashes(self, other: Port) -> bool:
        """Return whether both cannot be on one node."""
        return self[1:] == other[1:] and (
            self.address == other.address
            or ANY_ADDRESS in {self.address, other.address}
        )


class Wish:
    """What the pods of one template ask for, read from its object.

    Attributes
    ----------
    space
        The namespace.
    static
        Bytes that are equal where the demands on node objects are.
    company
        Bytes that are equal where other pods' terms see the same, and own terms are.
    """

    __slots__ = (
        "company",
        "count",
        "milli",
        "models",
        "pod",
        "ports",
        "requests",
        "space",
        "static",
    )

    def __init__(self, pod: Pod) -> None:
        spec, meta = pod.spec, pod.metadata
        self.pod = pod
        self.space = meta.namespace or "default"
        self.requests = [(k, v) for k, v in pod_requests(pod).items() if v > 0]
        self.count = int(meta.annotations.get(GPU_COUNT, 0))
        self.milli = int(meta.annotations.get(GPU_MILLI, 1000)) if self.count else 0
        models = meta.annotations.get(GPU_MODEL, "").split("|")
        self.models = {model for model in models if model}
        sidecars = [c for c in spec.init_containers if c.restart_policy == "Always"]
        self.ports = [
            Port(port.host_ip or ANY_ADDRESS, port.protocol or "TCP", port.host_port)
            for container in (*spec.containers, *sidecars)
            for port in container.ports
            if port.host_port > 0
        ]
        affinity = spec.affinity.node_affinity if spec.affinity else None
        self.static = msgspec.json.encode(
            (
                spec.node_name,
                spec.node_selector,
                affinity,
                spec.tolerations,
                sorted(self.models) if self.count else None,
            )
        )
        near = spec.affinity.pod_affinity if spec.affinity else None
        away = spec.affinity.pod_anti_affinity if spec.affinity else None
        leaving = meta.deletion_timestamp is not None
        self.company = msgspec.json.encode(
            (self.space, meta.labels, leaving, near, away), order="deterministic"
        )


class Machine:
    """A node, and what the log has put on it so far."""

    __slots__ = (
        "alive",
        "allocatable",
        "devices",
        "gpu_used",
        "held",
        "node",
        "pods",
        "ports",
        "slot",
        "used",
    )

    def __init__(self, slot: int, node: Node) -> None:
        self.slot = slot
        self.used: dict[str, int] = {}
        self.pods = 0
        self.held: dict[Wish, int] = {}
        self.ports: list[Port] = []
        self.alive = False
        self.gpu_used: dict[int, int] = {}
        self.become(node)

    def become(self, node: Node) -> None:
        """Take the node object as it is now; what runs on it stays."""
        self.node = node
        self.allocatable = node_allocatable(node)
        status = node.status
        count = status.allocatable.get(GPU_COUNT, status.capacity.get(GPU_COUNT))
        self.devices = 0 if count is None else value(count)

    def account(self, wish: Wish, devices: int, sign: int) -> None:
        """Add a pod, or take it away."""
        used = self.used
        for name, amount in wish.requests:
            used[name] = used.get(name, 0) + sign * amount
        self.pods += sign
        self.held[wish] = self.held.get(wish, 0) + sign
        for port in wish.ports:
            if sign > 0:
                self.ports.append(port)
            else:
                self.ports.remove(port)
        for device in bits(devices):
            self.gpu_used[device] = self.gpu_used.get(device, 0) + sign * wish.milli


def machines_of(workload: Workload, node_names: Sequence[str]) -> list[Machine]:
    """Return a machine for each slot; those of nodes at time 0 are in the cluster."""
    objects = {
        change.node.metadata.name: change.node for change in workload.node_events
    }
    objects |= {node.metadata.name: node for node in workload.nodes}
    machines = [Machine(slot, objects[name]) for slot, name in enumerate(node_names)]
    present = {node.metadata.name for node in workload.nodes}
    for name, machine in zip(node_names, machines, strict=True):
        machine.alive = name in present
    return machines


def bits(mask: int) -> list[int]:
    """Return the indices of the bits that are set."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1] if mask else []


def untolerated(pod: Pod, node: Node) -> Iterator[Taint]:
    """Yield the NoSchedule and NoExecute taints of a node that a pod minds."""
    for taint in node.spec.taints:
        if taint.effect != "PreferNoSchedule" and not tolerated(pod, taint):
            yield taint


def tolerated(pod: Pod, taint: Taint) -> bool:
    """Return whether the pod tolerates the taint."""
    return any(tolerates(toleration, taint) for toleration in pod.spec.tolerations)
