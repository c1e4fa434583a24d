"""One decision with the memory of a class, or without it."""

from __future__ import annotations

import numpy as np

from schedbench.cluster.layout import ClusterState
from schedbench.jit import inner_kernel
from schedbench.scheduler.cycle import Compiled, schedule_one
from schedbench.scheduler.index.choose import choose
from schedbench.scheduler.index.layout import NOT_INDEXED, Index
from schedbench.scheduler.index.places import give_row
from schedbench.scheduler.index.refresh import refresh
from schedbench.scheduler.score import Scratch


@inner_kernel
def decide(
    state: ClusterState,
    compiled: Compiled,
    index: Index,
    pod_class: int,
    counter: int,
    cursor: int,
    scratch: Scratch,
) -> int:
    """Return the node for a pod of a class as `schedule_one` does, or −1."""
    if index.row[pod_class] == NOT_INDEXED and index.plan.able[pod_class]:
        give_row(index, pod_class)
    if index.row[pod_class] != NOT_INDEXED and refresh(
        state, compiled, index, pod_class
    ):
        row = np.int64(index.row[pod_class])
        node = np.int64(choose(state.domains, compiled, index, pod_class, row, counter))
        if node >= 0:
            return int(node)
    return int(schedule_one(state, compiled, pod_class, counter, cursor, scratch))


@inner_kernel
def note_change(index: Index, node: int) -> None:
    """Note that pods came to a node or went."""
    index.log[index.changes[0] % index.log.size] = node
    index.changes[0] += 1
