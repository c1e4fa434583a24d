"""NodeName: a pod that names its node goes nowhere else."""

from __future__ import annotations

from naive.verdict import PASS, Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod


def check(pod: Pod, node: Node, pods_on_node: list[Pod]) -> Reasons:
    """Refuse every node but the named one."""
    if pod.spec.node_name in {None, "", node.metadata.name}:
        return PASS
    return Reasons(["node(s) didn't match the requested node name"], unresolvable=True)
