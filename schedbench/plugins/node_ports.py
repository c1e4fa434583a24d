"""NodePorts: a host port serves one pod.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/nodeports. Which triplets
conflict is settled when classes are encoded (`cluster/ports.py`).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.jit import inner_kernel
from schedbench.plugins.base import ClusterView, NodeVerdicts, Plugin, Scope

REASON = "node(s) didn't have free ports for the requested pod ports"


class NodePorts(Plugin):
    """Rejects nodes on which a wanted host port is taken."""

    name: ClassVar[str] = "NodePorts"
    filter_scope: ClassVar[Scope | None] = Scope.NODE

    def verdicts(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes have a wanted port taken."""
        first, last = view.classes.conflict_start[pod_class : pod_class + 2]
        if first == last:
            return NodeVerdicts.passed(len(slots))
        rows = view.classes.conflicts[first:last]
        taken = np.any(view.state.port_used[rows[:, None], slots] > 0, axis=0)
        return NodeVerdicts.of(taken, REASON, unresolvable=False)


@inner_kernel
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
