"""Node name, selector, required affinity, taints: promises about the node's object."""

from __future__ import annotations

from collections.abc import Iterator

from schedbench.metrics.validation.wish import (
    GPU_MODEL,
    Problem,
    Wish,
    tolerated,
    untolerated,
)
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import (
    NodeSelector,
    matches_labels,
    matches_node_selector,
)
from schedbench.objects.taints import Taint

UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def placement_problems(wish: Wish, node: Node) -> Iterator[Problem]:
    """Yield what keeps the pod from the node by the two objects alone."""
    spec = wish.pod.spec
    name, labels = node.metadata.name, node.metadata.labels
    if spec.node_name and spec.node_name != name:
        yield "node name", f"pod wants {spec.node_name}"
    if not matches_labels(spec.node_selector, labels):
        yield "node selector", f"{spec.node_selector} against {labels}"
    required = required_nodes(wish.pod)
    if required is not None and not matches_node_selector(required, node):
        yield "node affinity", f"required terms against {labels}"
    for taint in untolerated(wish.pod, node):
        yield "taint", f"{taint.key}={taint.value}:{taint.effect} not tolerated"
    if node.spec.unschedulable and not tolerated(wish.pod, UNSCHEDULABLE_TAINT):
        yield "unschedulable node", "spec.unschedulable is not tolerated"
    if wish.count and wish.models:
        model = labels.get(GPU_MODEL, "")
        if model not in wish.models:
            yield "GPU model", f"{model!r} is none of {sorted(wish.models)}"


def required_nodes(pod: Pod) -> NodeSelector | None:
    """Return the nodes that a pod's affinity requires, None if it requires none."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None:
        return None
    return affinity.required_during_scheduling_ignored_during_execution
