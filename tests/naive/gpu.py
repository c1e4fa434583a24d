"""GPU sharing: nodes of devices of 1000 milli, pods that take parts of them.

After "Beware of Fragmentation" (USENIX ATC 2023) and the behaviour of its simulator.
"""

from __future__ import annotations

import dataclasses

from naive.placed import Placed
from naive.resources import allocatable, pod_requests, remember
from naive.verdict import PASS, Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

COUNT = "alibabacloud.com/gpu-count"
MILLI = "alibabacloud.com/gpu-milli"
MODEL = "alibabacloud.com/gpu-card-model"
WHOLE = 1000
LARGEST = (128000, 8000)
"""Milli cpu and milli GPU of the largest node, by which policies divide."""


@dataclasses.dataclass(frozen=True)
class Demand:
    """What a pod wants: cpu in milli, `count` devices with `milli` free on each."""

    cpu: int
    count: int
    milli: int
    models: frozenset[str]

    @property
    def total(self) -> int:
        """Milli-GPU over all devices."""
        return self.count * self.milli

    @property
    def shares(self) -> bool:
        """Tell whether it takes a part of one device."""
        return self.count == 1 and self.milli < WHOLE

    @property
    def tag(self) -> str:
        """The affinity tag of GpuClustering."""
        return "share" if self.shares else f"{self.count}-gpu"


@dataclasses.dataclass(frozen=True)
class View:
    """What a GPU policy sees of a node; free cpu and free milli of each device."""

    cpu: int
    devices: tuple[int, ...]
    model: str
    tags: frozenset[str]

    @property
    def idle(self) -> int:
        """Free milli-GPU over all devices."""
        return sum(self.devices)

    def without(self, cpu: int, milli: int, taken: list[int]) -> View:
        """Return the node after a pod took its cpu and a part of some devices."""
        devices = list(self.devices)
        for device in taken:
            devices[device] -= milli
        return dataclasses.replace(self, cpu=self.cpu - cpu, devices=tuple(devices))


@remember
def demand(pod: Pod) -> Demand:
    """Read a pod's annotations; without a count it is CPU-only."""
    cpu = pod_requests(pod).get("cpu", 0)
    notes = pod.metadata.annotations
    count = int(notes.get(COUNT) or 0)
    if not count:
        return Demand(cpu, 0, 0, frozenset())
    models = frozenset(filter(None, (notes.get(MODEL) or "").split("|")))
    return Demand(cpu, count, int(notes.get(MILLI) or WHOLE), models)


def view(node: Node, placed: list[Placed]) -> View:
    """Return what is free on a node."""
    devices = [WHOLE] * allocatable(node).get(COUNT, 0)
    cpu = allocatable(node).get("cpu", 0)
    tags = set()
    for one in placed:
        wanted = demand(one.pod)
        cpu -= wanted.cpu
        if wanted.count:
            tags.add(wanted.tag)
        for device in one.devices:
            if device < len(devices):  # an update may have taken devices away
                devices[device] -= wanted.milli
    model = node.metadata.labels.get(MODEL, "")
    return View(cpu, tuple(devices), model, frozenset(tags))


def check(pod: Pod, node: Node, placed: list[Placed]) -> Reasons:
    """Refuse a node of a wrong model, or with too few devices that are free enough."""
    wanted = demand(pod)
    if not wanted.count:
        return PASS
    seen = view(node, placed)
    if wanted.models and seen.model not in wanted.models:
        return Reasons(["GPU model"], unresolvable=True)
    if sum(free >= wanted.milli for free in seen.devices) < wanted.count:
        return Reasons(["Insufficient GPU"])
    return PASS


def best_devices(wanted: Demand, seen: View) -> tuple[int, ...]:
    """Choose the tightest device for a share, the first whole ones otherwise."""
    if not wanted.count:
        return ()
    if wanted.shares:
        fitting = [i for i, free in enumerate(seen.devices) if free >= wanted.milli]
        return (min(fitting, key=lambda i: seen.devices[i]),)
    whole = [i for i, free in enumerate(seen.devices) if free == WHOLE]
    return tuple(whole[: wanted.count])


def tightest_first(wanted: Demand, seen: View) -> list[int]:
    """Return the first `count` devices that fit, by rising free milli."""
    order = sorted(range(len(seen.devices)), key=lambda i: seen.devices[i])
    return [i for i in order if seen.devices[i] >= wanted.milli][: wanted.count]
