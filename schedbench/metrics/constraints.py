"""What keeps a pod off a node, read from the objects of the API alone.

Written apart from the columns, plugins and kernels that make placements, so that the
validator shares no error with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.objects.selectors import matches_labels, matches_node_selector
from schedbench.objects.taints import Taint, tolerates
from schedbench.units import value

UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
GPU_COUNT = "alibabacloud.com/gpu-count"
GPU_MILLI = "alibabacloud.com/gpu-milli"
GPU_MODEL = "alibabacloud.com/gpu-card-model"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the API's name for every address

Problem: TypeAlias = tuple[str, str]
"""A rule and a detail."""


class _Port(NamedTuple):
    address: str
    protocol: str
    number: int

    def clashes(self, other: _Port) -> bool:
        """Return whether both cannot be on one node."""
        return self[1:] == other[1:] and (
            self.address == other.address
            or ANY_ADDRESS in {self.address, other.address}
        )


class Wish:
    """What the pods of one template ask for, read from its object."""

    __slots__ = ("count", "milli", "models", "pod", "ports", "requests", "static")

    def __init__(self, pod: Pod) -> None:
        spec, notes = pod.spec, pod.metadata.annotations
        self.pod = pod
        self.requests = [(k, v) for k, v in pod_requests(pod).items() if v > 0]
        self.count = int(notes.get(GPU_COUNT, 0))
        self.milli = int(notes.get(GPU_MILLI, 1000)) if self.count else 0
        self.models = {model for model in notes.get(GPU_MODEL, "").split("|") if model}
        sidecars = [c for c in spec.init_containers if c.restart_policy == "Always"]
        self.ports = [
            _Port(port.host_ip or ANY_ADDRESS, port.protocol or "TCP", port.host_port)
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


class Machine:
    """A node, and what the log has put on it so far."""

    __slots__ = (
        "alive",
        "allocatable",
        "devices",
        "gpu_used",
        "node",
        "pods",
        "ports",
        "used",
    )

    def __init__(self, node: Node) -> None:
        self.used: dict[str, int] = {}
        self.pods = 0
        self.ports: list[_Port] = []
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
        for port in wish.ports:
            if sign > 0:
                self.ports.append(port)
            else:
                self.ports.remove(port)
        for device in _bits(devices):
            self.gpu_used[device] = self.gpu_used.get(device, 0) + sign * wish.milli


def _bits(mask: int) -> list[int]:
    """Return the indices of the bits that are set."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1] if mask else []


def static_problems(wish: Wish, node: Node) -> Iterator[Problem]:
    """Yield what keeps the pod from the node by the two objects alone."""
    spec = wish.pod.spec
    name, labels = node.metadata.name, node.metadata.labels
    if spec.node_name and spec.node_name != name:
        yield "node name", f"pod wants {spec.node_name}"
    if not matches_labels(spec.node_selector, labels):
        yield "node selector", f"{spec.node_selector} against {labels}"
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = (
        affinity.required_during_scheduling_ignored_during_execution
        if affinity
        else None
    )
    if required is not None and not matches_node_selector(required, node):
        yield "node affinity", f"required terms against {labels}"
    for taint in node.spec.taints:
        if taint.effect != "PreferNoSchedule" and not _tolerated(wish.pod, taint):
            yield "taint", f"{taint.key}={taint.value}:{taint.effect} not tolerated"
    if node.spec.unschedulable and not _tolerated(wish.pod, UNSCHEDULABLE_TAINT):
        yield "unschedulable node", "spec.unschedulable is not tolerated"
    if wish.count and wish.models:
        model = labels.get(GPU_MODEL, "")
        if model not in wish.models:
            yield "GPU model", f"{model!r} is none of {sorted(wish.models)}"


def _tolerated(pod: Pod, taint: Taint) -> bool:
    return any(tolerates(toleration, taint) for toleration in pod.spec.tolerations)


def room_problems(wish: Wish, machine: Machine, devices: int) -> Iterator[Problem]:
    """Yield what the node lacks for the pod, before the pod is accounted for."""
    used, allocatable = machine.used, machine.allocatable
    for name, amount in wish.requests:
        total = used.get(name, 0) + amount
        if total > allocatable.get(name, 0):
            limit = allocatable.get(name, 0)
            yield "resources", f"{name}: {total} requested of {limit}"
    if machine.pods + 1 > allocatable.get("pods", 0):
        limit = allocatable.get("pods", 0)
        yield "pod limit", f"{machine.pods + 1} pods on a node for {limit}"
    for port in wish.ports:
        if any(port.clashes(other) for other in machine.ports):
            yield "host port", f"{port.protocol} {port.address}:{port.number} is taken"
    if devices or wish.count:
        yield from _gpu_problems(wish, machine, devices)


def _gpu_problems(wish: Wish, machine: Machine, devices: int) -> Iterator[Problem]:
    chosen = _bits(devices)
    if len(chosen) != wish.count:
        yield "GPU count", f"{len(chosen)} devices given, {wish.count} wanted"
    for device in chosen:
        if device >= machine.devices:
            yield "GPU device", f"node has {machine.devices} devices, no {device}"
        elif (total := machine.gpu_used.get(device, 0) + wish.milli) > 1000:
            yield "GPU capacity", f"device {device}: {total} milli of 1000"
