"""NodeName: a pod that names a node goes there or nowhere.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/nodename.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from schedbench.cluster.nodes import ABSENT, NodeTable
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Plugin, Scope, StaticVerdict

REASON = "node(s) didn't match the requested node name"


class NodeName(Plugin):
    """Rejects every node but the one that `spec.nodeName` names."""

    name: ClassVar[str] = "NodeName"
    filter_scope: ClassVar[Scope | None] = Scope.STATIC

    def static_filter(self, pod: Pod, nodes: NodeTable, slots: slice) -> StaticVerdict:
        """Return which nodes pass."""
        here = np.arange(len(nodes))[slots]
        if not pod.spec.node_name:
            return StaticVerdict.of(here >= 0, REASON)
        wanted = nodes.slots.get(pod.spec.node_name, ABSENT)
        return StaticVerdict.of(here == wanted, REASON)
