"""Taints that tell of a node's condition.

Source: docs.kubernetes.io "Taints and Tolerations: Taint Nodes by Condition";
`pkg/controller/nodelifecycle/node_lifecycle_controller.go`.
"""

from __future__ import annotations

from schedbench.objects.node import Node
from schedbench.objects.taints import Taint

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

TAINT_OF_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
_KEYS = frozenset(TAINT_OF_CONDITION.values()) | {UNSCHEDULABLE}
_HEALTH = frozenset({NOT_READY, UNREACHABLE})


def ready_status(node: Node) -> str:
    """Return the status of a node's condition Ready; nothing if it has none."""
    for condition in node.status.conditions:
        if condition.type == "Ready":
            return condition.status
    return ""


def is_emptied(node: Node) -> bool:
    """Return whether a node has a NoExecute taint for its health."""
    return any(t.effect == "NoExecute" and t.key in _HEALTH for t in node.spec.taints)


def wanted_taints(node: Node, empty: bool | None) -> list[Taint]:
    """Return the taints a node is to have; others than those for conditions stay.

    Parameters
    ----------
    node
        The node.
    empty
        Whether a node that is not ready is tainted NoExecute as well; None leaves
        that as it is.
    """
    keys = [
        key
        for condition in node.status.conditions
        if (key := TAINT_OF_CONDITION.get((condition.type, condition.status)))
    ]
    health = next((key for key in keys if key in _HEALTH), None)
    if node.spec.unschedulable:
        keys.append(UNSCHEDULABLE)
    if empty is None:
        empty = is_emptied(node)
        health = health or next(
            (t.key for t in node.spec.taints if t.key in _HEALTH), None
        )
    wanted = [(key, "NoSchedule") for key in keys]
    if empty and health is not None:
        wanted.append((health, "NoExecute"))
    kept = []
    for taint in node.spec.taints:
        own = (
            taint.key in _KEYS
            if taint.effect == "NoSchedule"
            else taint.effect == "NoExecute" and taint.key in _HEALTH
        )
        if not own:
            kept.append(taint)
        elif (taint.key, taint.effect) in wanted:
            kept.append(taint)
            wanted.remove((taint.key, taint.effect))
    return kept + [Taint(key=k, effect=e) for k, e in wanted]  # type: ignore[arg-type]
