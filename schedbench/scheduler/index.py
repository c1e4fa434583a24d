"""What classes of pods remember between decisions, so that one costs a few nodes.

For each class in the index: the total of every node, and over blocks of nodes, and over
groups of blocks, the greatest total and how many nodes have it. Nodes that changed are
listed in a log; a class evaluates those that changed since its last decision, and the
greatest of all groups is the node that a scan would take. Where a class is not in the
index, is too far behind, or finds no feasible node, the scan decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.jit import inner_kernel, kernel
from schedbench.plugins.base import ScoreKind
from schedbench.plugins.gpu_share import gpus_fit
from schedbench.plugins.node_ports import ports_free
from schedbench.plugins.node_resources_fit import resources_fit
from schedbench.scheduler.cycle import Compiled, schedule_one
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.score import (
    Scratch,
    constant_score,
    is_constant,
    node_score,
    skips,
)
from schedbench.scheduler.select import draw

BLOCK = 64
"""Nodes in a block, and blocks in a group."""
INFEASIBLE = -(2**63)
NOT_INDEXED, STALE = -1, -1


class Index(NamedTuple):
    """The memory of S classes over N nodes, B blocks and G groups of blocks.

    Attributes
    ----------
    row : int32[C]
        The row of each class, or `NOT_INDEXED`.
    total : int64[S, N]
        The total of each node; `INFEASIBLE` where a filter rejects it.
    top : int64[S, B], tied : int64[S, B]
        The greatest total of each block, and how many nodes have it.
    group_top : int64[S, G], group_tied : int64[S, G]
        The same of each group.
    seen : int64[S]
        How much of the log each class has looked at; `STALE` before its first scan.
    scores : int32[S, K], score_count : int64[S], constant : int64[S]
        The scores that differ between nodes, and the sum of the others.
    log : int32[M], changes : int64[1]
        A ring of the nodes that changed, and how many changes there were. A class that
        is further behind than M scans.
    mark : int64[N], turn : int64[1]
        The turn in which each node was evaluated last.
    nodes : int64[M]
        The nodes that are evaluated in a turn.
    columns : ClusterState
        Their columns side by side, M nodes.
    scratch : Scratch
        For M nodes.
    """

    row: NDArray[np.int32]
    total: NDArray[np.int64]
    top: NDArray[np.int64]
    tied: NDArray[np.int64]
    group_top: NDArray[np.int64]
    group_tied: NDArray[np.int64]
    seen: NDArray[np.int64]
    scores: NDArray[np.int32]
    score_count: NDArray[np.int64]
    constant: NDArray[np.int64]
    log: NDArray[np.int32]
    changes: NDArray[np.int64]
    mark: NDArray[np.int64]
    turn: NDArray[np.int64]
    nodes: NDArray[np.int64]
    columns: ClusterState
    scratch: Scratch


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
    row = np.int64(index.row[pod_class])
    if row >= 0 and is_fresh(index, row):
        catch_up(state, compiled, index, pod_class, row)
        choice = compiled.choice
        node = np.int64(best_node(index, row, choice.tie, choice.key, counter))
        if node >= 0:
            compiled.sampling.evaluated[0] = compiled.sampling.listed[0]
            return int(node)
    node = np.int64(schedule_one(state, compiled, pod_class, counter, cursor, scratch))
    if row >= 0:
        remember(state, compiled, index, pod_class, row, scratch)
    return int(node)


@inner_kernel
def note_change(index: Index, node: int) -> None:
    """Note that pods came to a node or went."""
    index.log[index.changes[0] % index.log.size] = node
    index.changes[0] += 1


@inner_kernel
def is_fresh(index: Index, row: int) -> bool:
    """Return whether a class has few enough changes to look at."""
    behind = index.changes[0] - index.seen[row]
    return bool(index.seen[row] != STALE and behind <= index.log.size)


@inner_kernel
def catch_up(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, row: int
) -> None:
    """Evaluate the nodes that changed since the class looked last, side by side."""
    count = gather(state, compiled, index, pod_class, row)
    if count == 0:
        return
    classes, columns = compiled.classes, compiled.columns
    bad, score = index.scratch.bad[:count], index.scratch.score[:count]
    total, helper = index.scratch.total[:count], index.scratch.helper[:count]
    if compiled.switches.ports:
        ports_free(index.columns, classes, pod_class, 0, count, bad)
    if compiled.switches.resources:
        resources_fit(index.columns, classes, pod_class, 0, count, bad)
    if compiled.switches.gpus:
        gpus_fit(index.columns, classes, pod_class, 0, count, bad)
    for i in range(count):
        total[i] = index.constant[row]
    for n in range(index.score_count[row]):
        k = np.int64(index.scores[row, n])
        if columns.kind[k] == ScoreKind.IMAGE_LOCALITY:
            images = compiled.static.image[compiled.static.image_row[pod_class]]
            for i in range(count):
                score[i] = images[index.nodes[i]]
        else:
            node_score(
                index.columns, classes, compiled.static, columns, k, pod_class,
                0, count, score, helper,
            )  # fmt: skip
        for i in range(count):
            total[i] += columns.weight[k] * score[i]
    for i in range(count):
        now = total[i] if bad[i] >= 0 else np.int64(INFEASIBLE)
        node = index.nodes[i]
        if now != index.total[row, node]:
            set_total(index, row, node, now)


@inner_kernel
def gather(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, row: int
) -> int:
    """Copy the columns of the nodes that changed, each once; return how many."""
    reason = compiled.static.reason[compiled.classes.static_row[pod_class]]
    columns, bad = index.columns, index.scratch.bad
    index.turn[0] += 1
    turn = index.turn[0]
    count = 0
    for i in range(index.seen[row], index.changes[0]):
        node = np.int64(index.log[i % index.log.size])
        if index.mark[node] == turn:
            continue
        index.mark[node] = turn
        index.nodes[count] = node
        bad[count] = np.int64(state.alive[node]) - 1 - np.int64(reason[node])
        for resource in range(state.allocatable.shape[0]):
            columns.allocatable[resource, count] = state.allocatable[resource, node]
            columns.requested[resource, count] = state.requested[resource, node]
        for resource in range(state.nonzero.shape[0]):
            columns.nonzero[resource, count] = state.nonzero[resource, node]
        for port in range(state.port_used.shape[0]):
            columns.port_used[port, count] = state.port_used[port, node]
        for device in range(state.gpu_free.shape[0]):
            columns.gpu_free[device, count] = state.gpu_free[device, node]
        count += 1
    index.seen[row] = index.changes[0]
    return count


@inner_kernel
def set_total(index: Index, row: int, node: int, total: int) -> None:
    """Change a node's total, and what its block and group know of it."""
    block = node // BLOCK
    before = index.total[row, node]
    top, tied = index.top[row, block], index.tied[row, block]
    index.total[row, node] = total
    if total > top:
        index.top[row, block] = total
        index.tied[row, block] = 1
    elif total == top:
        index.tied[row, block] += 1
    elif before == top and tied > 1:
        index.tied[row, block] -= 1
    elif before == top:
        rate_block(index.total[row], index.top[row], index.tied[row], block)
    else:
        return
    group = block // BLOCK
    now, most = index.top[row, block], index.group_top[row, group]
    if now > most:
        index.group_top[row, group] = now
        index.group_tied[row, group] = index.tied[row, block]
        return
    if top == most:
        index.group_tied[row, group] -= tied
    if now == most:
        index.group_tied[row, group] += index.tied[row, block]
    if index.group_tied[row, group] == 0:
        rate_group(
            index.top[row], index.tied[row],
            index.group_top[row], index.group_tied[row], group,
        )  # fmt: skip


@kernel
def rate_block(
    total: NDArray[np.int64],
    top: NDArray[np.int64],
    tied: NDArray[np.int64],
    block: int,
) -> None:
    """Find the greatest total of a block, and how many nodes have it."""
    low = block * BLOCK
    high = min(low + BLOCK, total.size)
    most = np.int64(INFEASIBLE)
    for i in range(low, high):
        most = max(most, total[i])
    count = np.int64(0)
    for i in range(low, high):
        count += np.int64(total[i] == most)
    top[block] = most
    tied[block] = count


@kernel
def rate_group(
    top: NDArray[np.int64],
    tied: NDArray[np.int64],
    group_top: NDArray[np.int64],
    group_tied: NDArray[np.int64],
    group: int,
) -> None:
    """Find the greatest total of a group, and how many nodes have it."""
    low = group * BLOCK
    high = min(low + BLOCK, top.size)
    most = np.int64(INFEASIBLE)
    for i in range(low, high):
        most = max(most, top[i])
    count = np.int64(0)
    for i in range(low, high):
        count += tied[i] if top[i] == most else 0
    group_top[group] = most
    group_tied[group] = count


@inner_kernel
def best_node(index: Index, row: int, tie: int, key: int, counter: int) -> int:
    """Return the feasible node of greatest total, −1 if none; ties as `select_node`."""
    most = np.int64(INFEASIBLE)
    tied = 0
    for group in range(index.group_top.shape[1]):
        top = index.group_top[row, group]
        if top > most:
            most = top
            tied = index.group_tied[row, group]
        elif top == most:
            tied += index.group_tied[row, group]
    if most == INFEASIBLE:
        return -1
    wanted = draw(key, counter, tied) if tie == Tie.RANDOM else 0
    for group in range(index.group_top.shape[1]):
        if index.group_top[row, group] != most:
            continue
        if wanted >= index.group_tied[row, group]:
            wanted -= index.group_tied[row, group]
            continue
        low = group * BLOCK
        for block in range(low, min(low + BLOCK, index.top.shape[1])):
            if index.top[row, block] != most:
                continue
            if wanted >= index.tied[row, block]:
                wanted -= index.tied[row, block]
                continue
            first = block * BLOCK
            for node in range(first, min(first + BLOCK, index.total.shape[1])):
                if index.total[row, node] == most:
                    if wanted == 0:
                        return node
                    wanted -= 1
    return -1


@kernel
def remember(
    state: ClusterState,
    compiled: Compiled,
    index: Index,
    pod_class: int,
    row: int,
    scratch: Scratch,
) -> None:
    """Take over what a scan has found for a class."""
    classes, static, columns = compiled.classes, compiled.static, compiled.columns
    index.constant[row] = 0
    index.score_count[row] = 0
    for k in range(columns.kind.size):
        if is_constant(classes, static, columns, k, pod_class):
            same = columns.weight[k] * constant_score(columns.kind[k])
            index.constant[row] += same
        elif not skips(state, classes, static, columns, k, pod_class):
            index.scores[row, index.score_count[row]] = k
            index.score_count[row] += 1
    total = index.total[row]
    for i in range(total.size):
        total[i] = scratch.total[i] if scratch.bad[i] >= 0 else np.int64(INFEASIBLE)
    for block in range(index.top.shape[1]):
        rate_block(total, index.top[row], index.tied[row], block)
    for group in range(index.group_top.shape[1]):
        rate_group(
            index.top[row], index.tied[row],
            index.group_top[row], index.group_tied[row], group,
        )  # fmt: skip
    index.seen[row] = index.changes[0]
