"""One decision with the memory of a class, or without it."""

from __future__ import annotations

import numpy as np

from schedbench.cluster.layout import ClusterState
from schedbench.jit import inner_kernel, kernel
from schedbench.scheduler.cycle import Compiled, schedule_one
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.fused import NOT_PLAIN, scan
from schedbench.scheduler.index.choose import choose
from schedbench.scheduler.index.layout import NO_TEAM, NOT_INDEXED, Index
from schedbench.scheduler.index.places import give_row
from schedbench.scheduler.index.refresh import refresh
from schedbench.scheduler.index.teams import decide_in_team
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
    like = np.int64(index.plan.alike[pod_class])
    if index.teams.place[like, 0] != NO_TEAM:
        compiled.sampling.evaluated[0] = compiled.sampling.listed[0]
        node = np.int64(decide_in_team(state, compiled, index, like, counter))
        if node >= 0:
            return int(node)
    if index.row[like] == NOT_INDEXED and index.plan.able[like]:
        give_row(index, like)
    if index.row[like] != NOT_INDEXED and refresh(state, compiled, index, like):
        row = np.int64(index.row[like])
        node = np.int64(choose(state.domains, compiled, index, like, row, counter))
        if node >= 0:
            return int(node)
    node = np.int64(the_one_named(state, compiled, pod_class, scratch))
    if node >= 0:
        return int(node)
    node = np.int64(scan(state, compiled, pod_class, counter, cursor, scratch))
    if node != NOT_PLAIN:
        return int(node)
    return int(schedule_one(state, compiled, pod_class, counter, cursor, scratch))


@kernel
def the_one_named(
    state: ClusterState, compiled: Compiled, pod_class: int, scratch: Scratch
) -> int:
    """Return the node that a pod names, if it names one and fits; else −1.

    Pods of a DaemonSet do. No score matters where one node is feasible.
    """
    sampling = compiled.sampling
    if sampling.narrows.size == 0 or not sampling.narrows[pod_class]:
        return -1
    first = sampling.named_start[pod_class]
    if sampling.named_start[pod_class + 1] != first + 1:
        return -1
    node = np.int64(sampling.named[first])
    bad = scratch.bad[node : node + 1]
    mark_infeasible(
        state, compiled.classes, compiled.static, compiled.switches,
        pod_class, node, node + 1, bad,
    )  # fmt: skip
    if bad[0] < 0 or not sampling.is_listed[node]:
        return -1
    sampling.evaluated[0] = 1
    return int(node)


@inner_kernel
def note_change(index: Index, node: int) -> None:
    """Note that pods came to a node or went."""
    index.log[index.changes[0] % index.log.size] = node
    index.changes[0] += 1
