"""Scores of a profile over a range of nodes: raw, normalized, weighed, summed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, Pod, PodClasses, StaticTable
from schedbench.jit import array_kernel, by_reference, inner_kernel, kernel
from schedbench.plugins.alignment import alignment_score
from schedbench.plugins.base import ScoreColumns, ScoreKind
from schedbench.plugins.gpu_best_fit import gpu_best_fit_score
from schedbench.plugins.gpu_clustering import gpu_clustering_score
from schedbench.plugins.gpu_dot_product import gpu_dot_product_score
from schedbench.plugins.gpu_fragmentation import gpu_fragmentation_score
from schedbench.plugins.gpu_packing import gpu_packing_score
from schedbench.plugins.inter_pod_affinity import (
    inter_pod_normalize,
    inter_pod_score,
    scores_nothing,
)
from schedbench.plugins.node_resources_balanced_allocation import (
    balanced_score,
    requests_none,
)
from schedbench.plugins.node_resources_fit import MAX_SCORE, fit_score
from schedbench.plugins.pod_topology_spread import (
    has_soft,
    spread_normalize_counts,
    spread_score,
)
from schedbench.plugins.remaining_capacity import remaining_score


@by_reference
class Scratch(NamedTuple):
    """Arrays that a cycle writes: one entry a node each.

    Attributes
    ----------
    bad : int64[N]
        Negative where the node is infeasible.
    total : int64[N]
        The weighted sum of the scores.
    score, helper : int64[N]
        The score being computed, and what its kernel needs.
    custom : float64[N]
        What a user's score returned; shares its memory with `custom_bits`.
    custom_bits : int64[N]
        The bits of `custom`.
    points : int32[N]
        What `fused` scores.
    """

    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    score: NDArray[np.int64]
    helper: NDArray[np.int64]
    custom: NDArray[np.float64]
    custom_bits: NDArray[np.int64]
    points: NDArray[np.int32]


def make_scratch(nodes: int) -> Scratch:
    """Return scratch arrays for a cluster of so many node slots."""
    custom = np.zeros(nodes, dtype=np.float64)
    return Scratch(
        bad=np.zeros(nodes, dtype=np.int64),
        total=np.zeros(nodes, dtype=np.int64),
        score=np.zeros(nodes, dtype=np.int64),
        helper=np.zeros(nodes, dtype=np.int64),
        custom=custom,
        custom_bits=custom.view(np.int64),
        points=np.zeros(nodes, dtype=np.int32),
    )


@kernel
def user_score(cluster: ClusterState, node: int, pod: Pod) -> float:
    """Stand where a user's own score is compiled in (`jit.specialize`)."""
    return 0.0


@kernel
def skips(
    state: ClusterState,
    classes: PodClasses,
    static: StaticTable,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
) -> bool:
    """Return whether score k leaves the class out, as upstream's PreScore Skip."""
    kind = columns.kind[k]
    if kind <= ScoreKind.NODE_AFFINITY:
        return static.skip[kind, classes.static_row[pod_class]] != 0
    if kind == ScoreKind.BALANCED_ALLOCATION:
        return requests_none(classes, columns, k, pod_class)
    if kind == ScoreKind.INTER_POD_AFFINITY:
        return scores_nothing(state.domains, classes.inter_pod, pod_class)
    if kind == ScoreKind.POD_TOPOLOGY_SPREAD:
        return not has_soft(classes.spread.soft, pod_class)
    return False


@kernel
def is_constant(
    classes: PodClasses,
    static: StaticTable,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
) -> bool:
    """Return whether score k is the same on all nodes, since all raw scores are 0."""
    kind = columns.kind[k]
    if kind == ScoreKind.IMAGE_LOCALITY:
        return static.image_scored[static.image_row[pod_class]] == 0
    if kind > ScoreKind.NODE_AFFINITY:
        return False
    row = classes.static_row[pod_class]
    return static.skip[kind, row] == 0 and static.scored[kind, row] == 0


@kernel
def constant_score(kind: int) -> int:
    """Return the normalized score where all raw scores are 0: reversed it is 100."""
    return MAX_SCORE if kind == ScoreKind.TAINT_TOLERATION else 0


@kernel
def normalized_score(
    state: ClusterState,
    classes: PodClasses,
    static: StaticTable,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
    scratch: Scratch,
) -> None:
    """Write score k of every node into `scratch.score`, normalized.

    Normalizers look at the feasible nodes; entries of others mean nothing.
    """
    score = scratch.score
    count = score.size
    kind = columns.kind[k]
    if kind <= ScoreKind.NODE_AFFINITY:
        copy_row(static.raw[kind, classes.static_row[pod_class]], score)
        reverse = kind == ScoreKind.TAINT_TOLERATION
        default_normalize(score, scratch.bad, reverse)
    elif kind == ScoreKind.GPU_BEST_FIT:
        gpu_best_fit_score(state, classes, columns, pod_class, 0, count, score)
        spread_normalize(score, scratch.bad)
    elif kind == ScoreKind.GPU_FRAGMENTATION:
        gpu_fragmentation_score(
            state, classes, columns.target, pod_class, scratch.bad, score
        )
    elif kind == ScoreKind.INTER_POD_AFFINITY:
        inter_pod_score(state, classes.inter_pod, pod_class, 0, count, score)
        inter_pod_normalize(score, scratch.bad)
    elif kind == ScoreKind.POD_TOPOLOGY_SPREAD:
        spread_score(state, classes.spread.soft, pod_class, scratch.bad, score)
        spread_normalize_counts(score, scratch.bad)
    elif kind == ScoreKind.CUSTOM:
        custom_score(state, classes, pod_class, scratch)
    else:
        node_score(
            state, classes, static, columns, k, pod_class, 0, count, score,
            scratch.helper,
        )  # fmt: skip


@inner_kernel
def node_score(
    state: ClusterState,
    classes: PodClasses,
    static: StaticTable,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
    helper: NDArray[np.int64],
) -> None:
    """Write score k of the nodes `low` to `high`, of those that look at no other node.

    Of images too: their scores move when node objects change, not when pods do.
    """
    kind = columns.kind[k]
    if kind <= ScoreKind.REQUESTED_TO_CAPACITY_RATIO:
        fit_score(state, classes, columns, k, pod_class, low, high, score, helper)
    elif kind == ScoreKind.BALANCED_ALLOCATION:
        balanced_score(state, classes, columns, k, pod_class, low, high, score)
    elif kind == ScoreKind.REMAINING_CAPACITY:
        remaining_score(state, classes, columns, k, pod_class, low, high, score)
    elif kind == ScoreKind.ALIGNMENT:
        alignment_score(state, classes, columns, k, pod_class, low, high, score)
    elif kind == ScoreKind.GPU_DOT_PRODUCT:
        gpu_dot_product_score(state, classes, columns, pod_class, low, high, score)
    elif kind == ScoreKind.GPU_PACKING:
        gpu_packing_score(state, classes, pod_class, low, high, score)
    elif kind == ScoreKind.GPU_CLUSTERING:
        gpu_clustering_score(state, classes, columns, pod_class, low, high, score)
    else:
        copy_row(static.image[static.image_row[pod_class], low:high], score)


@kernel
def copy_row(row: NDArray[np.int64], score: NDArray[np.int64]) -> None:
    """Copy scores; numba would ask for memory to assign one array to another."""
    for i in range(score.size):
        score[i] = row[i]


@array_kernel
def default_normalize(
    score: NDArray[np.int64], bad: NDArray[np.int64], reverse: bool
) -> None:
    """Scale by the greatest feasible score, as upstream's DefaultNormalizeScore.

    `100 · s // max`, reversed `100 − that`; with max 0 all get 0, reversed 100.
    """
    greatest = 0
    for i in range(score.size):
        if bad[i] >= 0 and score[i] > greatest:
            greatest = score[i]
    for i in range(score.size):
        scaled = score[i] * MAX_SCORE // max(greatest, 1)
        if reverse:
            score[i] = MAX_SCORE - scaled if greatest > 0 else MAX_SCORE
        else:
            score[i] = scaled


@kernel
def spread_normalize(score: NDArray[np.int64], bad: NDArray[np.int64]) -> None:
    """Spread the feasible scores over 0..100 by integer division; all 0 if equal."""
    lowest = np.int64(2**62)
    greatest = -lowest
    for i in range(score.size):
        if bad[i] >= 0:
            lowest = min(lowest, score[i])
            greatest = max(greatest, score[i])
    for i in range(score.size):
        if bad[i] >= 0 and greatest > lowest:
            score[i] = (score[i] - lowest) * MAX_SCORE // (greatest - lowest)
        else:
            score[i] = 0


@kernel
def custom_score(
    state: ClusterState, classes: PodClasses, pod_class: int, scratch: Scratch
) -> None:
    """Write a user's score of every feasible node, as integers in the same order.

    Raises
    ------
    ValueError
        If the score of a node is NaN.
    """
    pod = Pod(
        classes.request[pod_class],
        classes.nonzero[pod_class],
        classes.gpu_count[pod_class],
        classes.gpu_milli[pod_class],
    )
    for i in range(scratch.custom.size):
        if scratch.bad[i] >= 0:
            scratch.custom[i] = user_score(state, i, pod)
            if np.isnan(scratch.custom[i]):
                raise ValueError("NaN score")
    order_floats(scratch)


@kernel
def order_floats(scratch: Scratch) -> None:
    """Write into `score` integers that are ordered as the floats in `custom`.

    The bits of IEEE 754 doubles are ordered like the numbers, sign and magnitude;
    negative ones are mirrored, and −0.0 is made 0.0 by adding it.
    """
    for i in range(scratch.score.size):
        scratch.custom[i] += 0.0
        bits = scratch.custom_bits[i]
        scratch.score[i] = bits if bits >= 0 else np.int64(-(2**63)) - bits


@kernel
def total_score(
    state: ClusterState,
    classes: PodClasses,
    static: StaticTable,
    columns: ScoreColumns,
    pod_class: int,
    scratch: Scratch,
) -> None:
    """Write the weighted sum of all scores of a profile into `scratch.total`."""
    total = scratch.total
    constant = 0
    for k in range(columns.kind.size):
        if is_constant(classes, static, columns, k, pod_class):
            constant += columns.weight[k] * constant_score(columns.kind[k])
    total[:] = constant
    for k in range(columns.kind.size):
        if skips(state, classes, static, columns, k, pod_class) or is_constant(
            classes, static, columns, k, pod_class
        ):
            continue
        normalized_score(state, classes, static, columns, k, pod_class, scratch)
        add_weighted(total, columns.weight[k], scratch.score)


@kernel
def add_weighted(
    total: NDArray[np.int64], weight: int, score: NDArray[np.int64]
) -> None:
    """Add a weighted score to the totals; int64 vectors multiply slowly."""
    if weight == 1:
        for i in range(total.size):
            total[i] += score[i]
    else:
        for i in range(total.size):
            total[i] += weight * score[i]
