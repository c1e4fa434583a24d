"""Resources, pods, host ports, GPU devices: the node has room for the pod."""

from __future__ import annotations

from collections.abc import Iterator

from schedbench.metrics.validation.wish import Machine, Problem, Wish, bits


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
    chosen = bits(devices)
    if len(chosen) != wish.count:
        yield "GPU count", f"{len(chosen)} devices given, {wish.count} wanted"
    for device in chosen:
        if device >= machine.devices:
            yield "GPU device", f"node has {machine.devices} devices, no {device}"
        elif (total := machine.gpu_used.get(device, 0) + wish.milli) > 1000:
            yield "GPU capacity", f"device {device}: {total} milli of 1000"
