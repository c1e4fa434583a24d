"""TaintToleration, after "Taints and Tolerations" in the Kubernetes documentation."""

from __future__ import annotations

from collections.abc import Iterable

from naive.verdict import PASS, Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Taint, Toleration


def tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Tell whether any toleration matches the taint."""
    return any(
        (not one.effect or one.effect == taint.effect)
        and (not one.key or one.key == taint.key)
        and (one.operator == "Exists" or (one.value or "") == (taint.value or ""))
        for one in tolerations
    )


def check(pod: Pod, node: Node, pods_on_node: list[Pod]) -> Reasons:
    """Refuse the node for its first hard taint that the pod does not tolerate."""
    for taint in node.spec.taints:
        hard = taint.effect in {"NoSchedule", "NoExecute"}
        if hard and not tolerated(taint, pod.spec.tolerations):
            return Reasons(
                [f"node(s) had untolerated taint {{{taint.key}: {taint.value or ''}}}"],
                unresolvable=True,
            )
    return PASS


def raw(pod: Pod, nodes: list[Node]) -> list[int]:
    """Count the soft taints that the pod does not tolerate."""
    soft = [
        one
        for one in pod.spec.tolerations
        if one.effect in {None, "", "PreferNoSchedule"}
    ]
    return [
        sum(
            taint.effect == "PreferNoSchedule" and not tolerated(taint, soft)
            for taint in node.spec.taints
        )
        for node in nodes
    ]


def normalize(scores: list[int]) -> list[int]:
    """Turn counts into 0..100, the fewest taints best."""
    most = max(scores, default=0)
    return [100 - 100 * score // most if most else 100 for score in scores]
