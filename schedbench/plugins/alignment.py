"""Alignment: how well a pod's requests point along what is free on a node.

Source: Tetris (Grandl et al., SIGCOMM 2014): the dot product of the pod's requests and
the node's free resources, both as fractions of the cluster's largest node.
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


class Alignment(ScorePlugin):
    """Scores nodes by the dot product, 0..1,000,000 per resource."""

    name: ClassVar[str] = "Alignment"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.ALIGNMENT

    def __init__(
        self, resources: Sequence[tuple[str, int]] = DEFAULT_RESOURCES
    ) -> None:
        self.resources = tuple(resources)


@kernel
def alignment_score(
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
    for i in range(score.size):
        product = 0.0
        for m in range(columns.row_count[k]):
            row = columns.rows[k, m]
            largest = columns.largest[row]
            free = state.allocatable[row, low + i] - state.requested[row, low + i]
            request = classes.request[pod_class, row]
            product += columns.row_weight[k, m] * (
                (request / largest) * (free / largest)
            )
        score[i] = np.int64(SCALE * product)
