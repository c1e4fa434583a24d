"""NodeUnschedulable: cordoned nodes take only pods that tolerate the cordon."""

from __future__ import annotations

from naive.taint_toleration import tolerated
from naive.verdict import PASS, Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Taint

CORDON = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def check(pod: Pod, node: Node, pods_on_node: list[Pod]) -> Reasons:
    """Refuse a cordoned node."""
    if not node.spec.unschedulable or tolerated(CORDON, pod.spec.tolerations):
        return PASS
    return Reasons(["node(s) were unschedulable"], unresolvable=True)
