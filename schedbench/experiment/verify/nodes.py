"""Nodes for random cases: labels, room, taints; alike on purpose, so that they tie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schedbench.experiment.verify import amounts
from schedbench.experiment.verify.amounts import GI
from schedbench.experiment.verify.draws import Draw

Document = dict[str, Any]

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"
OLD_REGION = "failure-domain.beta.kubernetes.io/region"
INSTANCE = "node.kubernetes.io/instance-type"

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
INSTANCES = ("m5.large", "m5.xlarge", "c5.2xlarge", "g4dn.xlarge")
DISKS = ("ssd", "hdd", "nvme")
RACKS = ("r1", "r2", "r3")
GENERATIONS = (
    *("1", "2", "5", "9", "007", "not-a-number", ""),
    *("9223372036854775807", "9223372036854775808"),
)
"""Values for Gt and Lt: whole numbers, some beyond 64 bits, and what is none."""

GPU, FPGA, HUGE = "nvidia.com/gpu", "example.com/fpga", "hugepages-2Mi"
DISK = "ephemeral-storage"

TAINT_KEYS = ("dedicated", "gpu", "maintenance", "node.kubernetes.io/not-ready")
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
TAINT_VALUES = ("infra", "batch", "true", "")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def labels(draw: Draw, name: str, zones: Sequence[str] = ZONES) -> Document:
    """Return labels; now and then a topology key is missing or an old one is there."""
    found: Document = {INSTANCE: draw.pick(INSTANCES)}
    if draw.chance(0.96):
        found[HOSTNAME] = name
    if draw.chance(0.95):
        found |= {ZONE: draw.pick(zones), REGION: "us-east-1"}
    if draw.chance(0.04):
        found[OLD_ZONE] = draw.pick(zones)
        found[OLD_REGION] = draw.pick(["us-east-1", "eu-west-1"])
    if draw.chance(0.7):
        found["disktype"] = draw.pick(DISKS)
    if draw.chance(0.6):
        found["cpu-gen"] = draw.pick(GENERATIONS)
    if draw.chance(0.5):
        found["rack"] = draw.pick(RACKS)
    return found


def room(draw: Draw, extended: bool = False) -> Document:
    """Return what a node offers, in numbers: millicores, bytes, counts."""
    found = {
        "cpu": draw.pick([1, 2, 3, 4, 8, 16]) * 1000,
        "memory": draw.pick([2, 4, 8, 16, 32]) * GI,
        "pods": draw.pick([110, 110, 110, 20]),
    }
    if draw.chance(0.7):
        found[DISK] = draw.pick([20, 50, 100]) * GI
    if extended:
        offers = ((GPU, 0.6, (0, 1, 2, 4, 8)), (FPGA, 0.4, (0, 1, 2)))
        for name, probability, counts in (*offers, (HUGE, 0.3, (0, 64 << 20, GI))):
            if draw.chance(probability):
                found[name] = draw.pick(counts)
    return found


def status(draw: Draw, offered: Document) -> Document:
    """Return a node's status; now and then without allocatable, with odd values."""
    offered = dict(offered)
    if draw.chance(0.05):
        odd = {"pods": draw.pick([0, 1, 2, 3]), "cpu": draw.pick([0, 1, 999, 1001])}
        name = draw.pick(["pods", "cpu"])
        offered[name] = odd[name]
    if draw.chance(0.03):
        del offered[draw.pick(["cpu", "memory"])]
    written = {
        name: _written(draw, name, amount) for name, amount in sorted(offered.items())
    }
    if draw.chance(0.05):
        return {"capacity": written}
    return {"allocatable": written, "capacity": dict(written)}


def node(draw: Draw, name: str, offered: Document) -> Document:
    """Return a Node with labels and the room that is offered."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels(draw, name)},
        "spec": {},
        "status": status(draw, offered),
    }


def nodes(draw: Draw, low: int, high: int, extended: bool = False) -> list[Document]:
    """Return low..high nodes of a few sizes; one time in ten there are up to 40."""
    count = draw.whole(low, 40 if draw.chance(0.1) else high)
    sizes = [room(draw, extended) for _ in range(draw.whole(1, 4))]
    return [node(draw, f"node-{i}", draw.pick(sizes)) for i in range(count)]


def names(found: Sequence[Document]) -> list[str]:
    """Return the names of nodes."""
    return [each["metadata"]["name"] for each in found]


def taint(draw: Draw, effects: Sequence[str] = EFFECTS) -> Document:
    """Return a taint; a value is not always there."""
    found = {"key": draw.pick(TAINT_KEYS), "effect": draw.pick(effects)}
    if draw.chance(0.65):
        found["value"] = draw.pick(TAINT_VALUES)
    return found


def add_taints(
    draw: Draw, found: Sequence[Document], share: float, effects: Sequence[str]
) -> None:
    """Taint a share of the nodes, each once."""
    for each in found:
        if draw.chance(share):
            each["spec"]["taints"] = [taint(draw, effects)]


def _written(draw: Draw, name: str, amount: int) -> str:
    if name == "cpu":
        return amounts.cpu(draw, amount)
    if name in ("memory", DISK, HUGE):
        return amounts.memory(draw, amount)
    return str(amount)
