"""GpuBestFit: least cpu and GPU left on the node, equally weighed.

Source: BestFit of the FGD paper's simulator (Weng et al., USENIX ATC 2023), with the
largest node in place of its constants 128,000 milli cpu and 8,000 milli GPU; the
percentage is truncated, then spread over 0..100 between the feasible nodes.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, ClusterState, PodClasses
from schedbench.jit import kernel
from schedbench.plugins.base import Scope, ScoreColumns, ScoreKind, ScorePlugin
from schedbench.plugins.gpu_share import free_milli


class GpuBestFit(ScorePlugin):
    """Scores nodes higher the less cpu and GPU would remain on them, 0..100."""

    name: ClassVar[str] = "GpuBestFit"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.GPU_BEST_FIT


@kernel
def gpu_best_fit_score(
    state: ClusterState,
    classes: PodClasses,
    columns: ScoreColumns,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> None:
    """Write the score of the nodes `low` to `high`, before it is spread."""
    cpu = classes.request[pod_class, CPU]
    gpu = classes.gpu_count[pod_class] * classes.gpu_milli[pod_class]
    for i in range(score.size):
        node = low + i
        free = state.allocatable[CPU, node] - state.requested[CPU, node]
        left = (free - cpu) / columns.largest[CPU] * 0.5
        left += (free_milli(state, node) - gpu) / columns.largest_gpu * 0.5
        score[i] = np.int64((1.0 - left) * 100.0)
