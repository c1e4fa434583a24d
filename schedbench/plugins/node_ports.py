"""NodePorts: a host port serves one pod.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/nodeports. Which triplets
conflict is settled when classes are encoded (`cluster/ports.py`).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.jit import kernel
from schedbench.plugins.base import ClusterView, Plugin, Scope, Status

REASON = "node(s) didn't have free ports for the requested pod ports"


class NodePorts(Plugin):
    """Rejects nodes on which a wanted host port is taken."""

    name: ClassVar[str] = "NodePorts"
    filter_scope: ClassVar[Scope | None] = Scope.NODE

    def explain_filter(
        self, view: ClusterView, pod_class: int, node: int
    ) -> Status | None:
        """Return why the plugin rejects a node now, or None if it passes."""
        bad = np.zeros(1, dtype=np.int64)
        ports_free(view.state, view.classes, pod_class, node, node + 1, bad)
        return Status((REASON,), unresolvable=False) if bad[0] < 0 else None


@kernel
def ports_free(
    state: ClusterState,
    classes: PodClasses,
    pod_class: int,
    low: int,
    high: int,
    bad: NDArray[np.int64],
) -> None:
    """Make `bad[i]` negative if a wanted port of node `low + i` is taken."""
    first = classes.conflict_start[pod_class]
    last = classes.conflict_start[pod_class + 1]
    for index in range(first, last):
        used = state.port_used[classes.conflicts[index], low:high]
        for i in range(used.size):
            bad[i] |= -np.int64(used[i])
