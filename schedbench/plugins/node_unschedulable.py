"""NodeUnschedulable: keeps pods off nodes with `spec.unschedulable`.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/nodeunschedulable.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from schedbench.cluster.nodes import NodeTable
from schedbench.objects.pod import Pod
from schedbench.objects.taints import Taint, tolerates
from schedbench.plugins.base import Plugin, Scope, StaticVerdict

REASON = "node(s) were unschedulable"
UNSCHEDULABLE_TAINT = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(Plugin):
    """Rejects unschedulable nodes unless the pod tolerates the taint of that name."""

    name: ClassVar[str] = "NodeUnschedulable"
    filter_scope: ClassVar[Scope | None] = Scope.STATIC

    def static_filter(self, pod: Pod, nodes: NodeTable, slots: slice) -> StaticVerdict:
        """Return which nodes pass."""
        tolerated = any(
            tolerates(toleration, UNSCHEDULABLE_TAINT)
            for toleration in pod.spec.tolerations
        )
        passes = ~nodes.unschedulable[slots]
        return StaticVerdict.of(passes | np.bool_(tolerated), REASON)
