"""NodeResourcesBalancedAllocation: likes nodes whose resources fill up alike.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/noderesources
(balanced_allocation.go): (1 − std) · 100 of the requested fractions, truncated, in
float64 and in the order of the configured resources. Two resources: |f1 − f2| / 2.
Pods that request none of the resources skip the plugin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import FIRST_EXTENDED, ClusterState, PodClasses
from schedbench.jit import array_kernel, kernel
from schedbench.plugins.base import Scope, ScoreColumns, ScoreKind, ScorePlugin
from schedbench.plugins.node_resources_fit import DEFAULT_RESOURCES, MAX_SCORE


class NodeResourcesBalancedAllocation(ScorePlugin):
    """Scores a node by how evenly its resources would be requested.

    Parameters
    ----------
    resources
        Names of the resources; their weights must be 1, as upstream demands.
    """

    name: ClassVar[str] = "NodeResourcesBalancedAllocation"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.BALANCED_ALLOCATION

    def __init__(
        self, resources: Sequence[tuple[str, int]] = DEFAULT_RESOURCES
    ) -> None:
        self.resources = tuple(resources)


@kernel
def requests_none(
    classes: PodClasses, columns: ScoreColumns, k: int, pod_class: int
) -> bool:
    """Return whether the class asks for none of the plugin's resources."""
    for m in range(columns.row_count[k]):
        if classes.request[pod_class, columns.rows[k, m]] > 0:
            return False
    return True


@kernel
def balanced_score(
    state: ClusterState,
    classes: PodClasses,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> None:
    """Write the score of the nodes `low` to `high`."""
    if (
        columns.row_count[k] == 2
        and max(columns.rows[k, 0], columns.rows[k, 1]) < FIRST_EXTENDED
    ):
        first, second = columns.rows[k, 0], columns.rows[k, 1]
        _balance_two(
            state.allocatable[first, low:high],
            state.requested[first, low:high],
            classes.request[pod_class, first],
            state.allocatable[second, low:high],
            state.requested[second, low:high],
            classes.request[pod_class, second],
            score,
        )
    else:
        for i in range(score.size):
            score[i] = _balance_any(state, classes, columns, k, pod_class, low + i)


@array_kernel
def _fraction(capacity: int, requested: int) -> float:
    return min(np.float64(requested) / np.float64(max(capacity, 1)), 1.0)


@array_kernel
def balance_of_two(
    capacity_1: int, requested_1: int, capacity_2: int, requested_2: int
) -> int:
    """Return how evenly two resources are requested, 0..100; 100 if one is absent."""
    fraction_1 = _fraction(capacity_1, requested_1)
    fraction_2 = _fraction(capacity_2, requested_2)
    both = (capacity_1 != 0) & (capacity_2 != 0)
    deviation = abs((fraction_1 - fraction_2) / 2.0) if both else 0.0
    return np.int32((1.0 - deviation) * MAX_SCORE)


@array_kernel
def _balance_two(
    capacity_1: NDArray[np.int64],
    used_1: NDArray[np.int64],
    request_1: int,
    capacity_2: NDArray[np.int64],
    used_2: NDArray[np.int64],
    request_2: int,
    score: NDArray[np.int64],
) -> None:
    for i in range(score.size):
        score[i] = balance_of_two(
            capacity_1[i], used_1[i] + request_1, capacity_2[i], used_2[i] + request_2
        )


@kernel
def _balance_any(
    state: ClusterState,
    classes: PodClasses,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
    node: int,
) -> int:
    count = 0
    total = 0.0
    for m in range(columns.row_count[k]):
        row = columns.rows[k, m]
        if _counts(state, classes, pod_class, node, row):
            total += _requested_fraction(state, classes, pod_class, node, row)
            count += 1
    if count < 2:
        return MAX_SCORE
    mean = total / count
    squares = 0.0
    first = -1.0
    deviation = 0.0
    for m in range(columns.row_count[k]):
        row = columns.rows[k, m]
        if _counts(state, classes, pod_class, node, row):
            fraction = _requested_fraction(state, classes, pod_class, node, row)
            squares += (fraction - mean) * (fraction - mean)
            if first < 0.0:
                first = fraction
            else:
                deviation = abs((first - fraction) / 2.0)
    if count > 2:
        deviation = np.sqrt(squares / count)
    return np.int64((1.0 - deviation) * MAX_SCORE)


@kernel
def _counts(
    state: ClusterState, classes: PodClasses, pod_class: int, node: int, row: int
) -> bool:
    if state.allocatable[row, node] == 0:
        return False
    return row < FIRST_EXTENDED or classes.request[pod_class, row] > 0


@kernel
def _requested_fraction(
    state: ClusterState, classes: PodClasses, pod_class: int, node: int, row: int
) -> float:
    requested = state.requested[row, node] + classes.request[pod_class, row]
    return _fraction(state.allocatable[row, node], requested)
