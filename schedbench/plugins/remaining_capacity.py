"""RemainingCapacity: how little a pod would leave free on a node.

Source: best fit and worst fit of bin packing (Johnson, 1974), over several resources:
what would remain, each resource as a fraction of the cluster's largest node, is
averaged; the score is a millionth less for each millionth that remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.jit import kernel
from schedbench.plugins.base import Scope, ScoreColumns, ScoreKind, ScorePlugin
from schedbench.plugins.node_resources_fit import DEFAULT_RESOURCES

SCALE = 1_000_000


class RemainingCapacity(ScorePlugin):
    """Scores nodes higher the less would remain on them, 0..1,000,000."""

    name: ClassVar[str] = "RemainingCapacity"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.REMAINING_CAPACITY

    def __init__(
        self, resources: Sequence[tuple[str, int]] = DEFAULT_RESOURCES
    ) -> None:
        self.resources = tuple(resources)


@kernel
def remaining_score(
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
    weights = 0
    for m in range(columns.row_count[k]):
        weights += columns.row_weight[k, m]
    for i in range(score.size):
        remaining = 0.0
        for m in range(columns.row_count[k]):
            row = columns.rows[k, m]
            free = (
                state.allocatable[row, low + i]
                - state.requested[row, low + i]
                - classes.request[pod_class, row]
            )
            remaining += columns.row_weight[k, m] * (free / columns.largest[row])
        score[i] = np.int64(SCALE * (1.0 - remaining / weights))
