"""A class catches up: the nodes that changed since are evaluated side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    CPU,
    MEMORY,
    PODS,
    ClusterState,
    DomainState,
    PodClasses,
    StaticTable,
)
from schedbench.jit import inner_kernel, kernel
from schedbench.plugins.arithmetic import NARROW
from schedbench.plugins.base import ScoreColumns, ScoreKind
from schedbench.plugins.gpu_share import gpus_fit
from schedbench.plugins.node_ports import ports_free
from schedbench.plugins.node_resources_fit import is_cpu_and_memory, resources_fit
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.feasible import FilterSwitches
from schedbench.scheduler.fused import NOT_PLAIN, asks_for_little, rate, rate_one
from schedbench.scheduler.index.cells import (
    FULL,
    add_cell,
    clear_cells,
    find_cell,
    put,
    rate_cells,
)
from schedbench.scheduler.index.features import read_features
from schedbench.scheduler.index.layout import (
    BLOCK,
    NOWHERE,
    OF_INTER_POD,
    OF_NODE_AFFINITY,
    OF_SPREAD,
    OF_TAINTS,
    STALE,
    Index,
    Rows,
    Work,
)
from schedbench.scheduler.index.places import give_up
from schedbench.scheduler.score import constant_score, is_constant, node_score, skips

FEW = 4
"""Up to so many nodes are rated where they stand, more side by side."""


@inner_kernel
def refresh(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int
) -> bool:
    """Let a class with a row know all nodes; return False if it cannot.

    A class that runs out of cells begins anew once: those without nodes are dropped.
    """
    rows = index.rows
    row = np.int64(index.row[pod_class])
    rows.used[row] = index.changes[0]
    behind = index.changes[0] - rows.seen[row]
    if rows.seen[row] != STALE and behind <= index.log.size:
        if behind == 0:
            return True
        anew = False
    else:
        anew = True
    while True:
        if anew:
            begin(state, compiled, index, pod_class, row)
        if evaluate_all(state, compiled, index, pod_class, row, anew):
            rows.seen[row] = index.changes[0]
            if anew:
                rate_cells(rows, index.cells, row)
            return True
        if anew:
            give_up(index, pod_class)
            return False
        anew = True


@inner_kernel
def begin(
    state: ClusterState, compiled: Compiled, index: Index, pod_class: int, row: int
) -> None:
    """Let a class forget its nodes, and note which scores it has."""
    rows, columns = index.rows, compiled.columns
    classes, static = compiled.classes, compiled.static
    clear_cells(rows, row)
    if not index.plan.coupled[pod_class]:
        add_cell(rows, index.cells, row)
    rows.constant[row] = 0
    rows.score_count[row] = 0
    rows.weight[row, :] = 0
    for k in range(columns.kind.size):
        kind = columns.kind[k]
        if kind == ScoreKind.INTER_POD_AFFINITY:
            rows.weight[row, OF_INTER_POD] = columns.weight[k]
        elif is_constant(classes, static, columns, k, pod_class):
            rows.constant[row] += columns.weight[k] * constant_score(kind)
        elif skips(state, classes, static, columns, k, pod_class):
            continue
        elif kind == ScoreKind.TAINT_TOLERATION:
            rows.weight[row, OF_TAINTS] = columns.weight[k]
        elif kind == ScoreKind.NODE_AFFINITY:
            rows.weight[row, OF_NODE_AFFINITY] = columns.weight[k]
        elif kind == ScoreKind.POD_TOPOLOGY_SPREAD:
            rows.weight[row, OF_SPREAD] = columns.weight[k]
        else:
            rows.scores[row, rows.score_count[row]] = k
            rows.score_count[row] += 1
    rows.simple[row] = is_simple(
        classes, columns, compiled.switches,
        rows.scores[row, : rows.score_count[row]], pod_class,
    )  # fmt: skip
    for node in range(state.alive.size):
        most = state.allocatable[CPU, node] | state.allocatable[MEMORY, node]
        rows.simple[row] &= most < NARROW


@kernel
def is_simple(
    classes: PodClasses,
    columns: ScoreColumns,
    switches: FilterSwitches,
    scores: NDArray[np.int32],
    pod_class: int,
) -> bool:
    """Return whether `fused.rate` tells what a class thinks of a node by itself."""
    if scores.size != 2 or not asks_for_little(classes, switches, pod_class):
        return False
    for k in scores:
        if columns.weight[k] != 1 or not is_cpu_and_memory(columns, k):
            return False
    first, second = columns.kind[scores[0]], columns.kind[scores[1]]
    least, balanced = ScoreKind.LEAST_ALLOCATED, ScoreKind.BALANCED_ALLOCATION
    return bool(
        (first == least and second == balanced)
        or (first == balanced and second == least)
    )


@inner_kernel
def evaluate_all(
    state: ClusterState,
    compiled: Compiled,
    index: Index,
    pod_class: int,
    row: int,
    anew: bool,
) -> bool:
    """Evaluate the nodes that changed, or all of them; return False without room."""
    work, rows = index.work, index.rows
    work.turn[0] += 1
    at, end = rows.seen[row], index.changes[0]
    if anew:
        at, end = np.int64(0), np.int64(index.plan.slot.size)
    entry = at % index.log.size
    while at < end:
        count = 0
        while at < end and count < work.nodes.size:
            node = at if anew else np.int64(index.log[entry])
            at += 1
            entry = entry + 1 if entry + 1 < index.log.size else 0
            if work.mark[node] != work.turn[0]:
                work.mark[node] = work.turn[0]
                work.nodes[count] = node
                count += 1
        if rows.simple[row]:
            if not rate_simple(state, compiled, rows, work, pod_class, row, count):
                return False
        else:
            gather(state, work, count)
            evaluate(work.gathered, compiled, rows, work, pod_class, row, count)
        for i in range(count):
            node = work.nodes[i]
            cell = np.int64(NOWHERE)
            if work.bad[i] >= 0:
                cell = np.int64(
                    cell_of(
                        state.domains, compiled.classes, compiled.static, index,
                        pod_class, row, node,
                    )
                )  # fmt: skip
            if cell == FULL:
                return False
            place = np.int64(index.plan.place[node])
            if anew:
                rows.cell[row, place] = cell
                rows.total[row, place] = work.total[i]
                if cell != NOWHERE:
                    bit = np.int64(1) << np.int64(place % BLOCK)
                    index.cells.member[cell, place // BLOCK] |= bit
                    index.cells.size[cell] += 1
            else:
                total = work.total[i]
                put(rows, index.cells, row, place, cell, total)
    return True


@inner_kernel
def cell_of(
    domains: DomainState,
    classes: PodClasses,
    static: StaticTable,
    index: Index,
    pod_class: int,
    row: int,
    node: int,
) -> int:
    """Return the cell of a node that its own filters accept; `FULL` without room."""
    rows, feature = index.rows, index.work.feature
    if not index.plan.coupled[pod_class]:
        return int(rows.first[row])
    if read_features(
        domains, classes, static, index.plan, rows.weight[row], pod_class, node, feature
    ):
        return int(find_cell(rows, index.cells, row, feature))
    return NOWHERE


@inner_kernel
def rate_simple(
    state: ClusterState,
    compiled: Compiled,
    rows: Rows,
    work: Work,
    pod_class: int,
    row: int,
    count: int,
) -> bool:
    """Evaluate nodes for a simple class; return False if one is too large for that."""
    classes, points = compiled.classes, work.points
    reasons = compiled.static.reason[classes.static_row[pod_class]]
    if count <= FEW:
        for i in range(count):
            points[i] = rate_one(state, classes, reasons, pod_class, work.nodes[i])
            if points[i] == NOT_PLAIN:
                return False
    else:
        gather_simple(state, work, reasons, count)
        first = np.int64(0)
        if not rate(
            work.gathered, classes, work.reason, pod_class, first, count, points[:count]
        ):
            return False
    for i in range(count):
        work.bad[i] = np.int64(points[i] >= 0) - 1
        work.total[i] = rows.constant[row] + np.int64(points[i])
    return True


@inner_kernel
def gather_simple(
    state: ClusterState, work: Work, reasons: NDArray[np.int16], count: int
) -> None:
    """Copy side by side what `fused.rate` looks at."""
    columns = work.gathered
    for i in range(count):
        node = work.nodes[i]
        work.reason[i] = reasons[node]
        columns.alive[i] = state.alive[node]
        columns.allocatable[CPU, i] = state.allocatable[CPU, node]
        columns.allocatable[MEMORY, i] = state.allocatable[MEMORY, node]
        columns.allocatable[PODS, i] = state.allocatable[PODS, node]
        columns.requested[CPU, i] = state.requested[CPU, node]
        columns.requested[MEMORY, i] = state.requested[MEMORY, node]
        columns.requested[PODS, i] = state.requested[PODS, node]
        columns.nonzero[CPU, i] = state.nonzero[CPU, node]
        columns.nonzero[MEMORY, i] = state.nonzero[MEMORY, node]


@inner_kernel
def gather(state: ClusterState, work: Work, count: int) -> None:
    """Copy the columns of the nodes side by side."""
    columns = work.gathered
    for at in range(count):
        node = work.nodes[at]
        columns.alive[at] = state.alive[node]
        for resource in range(state.allocatable.shape[0]):
            columns.allocatable[resource, at] = state.allocatable[resource, node]
            columns.requested[resource, at] = state.requested[resource, node]
        for resource in range(state.nonzero.shape[0]):
            columns.nonzero[resource, at] = state.nonzero[resource, node]
        for port in range(state.port_used.shape[0]):
            columns.port_used[port, at] = state.port_used[port, node]
        for device in range(state.gpu_free.shape[0]):
            columns.gpu_free[device, at] = state.gpu_free[device, node]
        for tag in range(state.gpu_tags.shape[0]):
            columns.gpu_tags[tag, at] = state.gpu_tags[tag, node]


@inner_kernel
def evaluate(
    columns: ClusterState,
    compiled: Compiled,
    rows: Rows,
    work: Work,
    pod_class: int,
    row: int,
    count: int,
) -> None:
    """Find which gathered nodes are infeasible by themselves, and their totals."""
    classes, static, scores = compiled.classes, compiled.static, compiled.columns
    bad, score = work.bad[:count], work.score[:count]
    total, helper = work.total[:count], work.helper[:count]
    reason = static.reason[classes.static_row[pod_class]]
    for i in range(count):
        bad[i] = np.int64(columns.alive[i]) - 1
        bad[i] -= np.int64(reason[work.nodes[i]])
    if compiled.switches.ports:
        ports_free(columns, classes, pod_class, 0, count, bad)
    if compiled.switches.resources:
        resources_fit(columns, classes, pod_class, 0, count, bad)
    if compiled.switches.gpus:
        gpus_fit(columns, classes, pod_class, 0, count, bad)
    for i in range(count):
        total[i] = rows.constant[row]
    for n in range(rows.score_count[row]):
        k = np.int64(rows.scores[row, n])
        if scores.kind[k] == ScoreKind.IMAGE_LOCALITY:
            images = static.image[static.image_row[pod_class]]
            for i in range(count):
                score[i] = images[work.nodes[i]]
        else:
            node_score(
                columns, classes, static, scores, k, pod_class,
                0, count, score, helper,
            )  # fmt: skip
        for i in range(count):
            total[i] += scores.weight[k] * score[i]
