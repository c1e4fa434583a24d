"""GpuDotProduct: the least product of free and requested cpu and GPU.

Source: DotProd of the FGD paper's simulator (Weng et al., USENIX ATC 2023), dimensions
merged and normalized by the largest node. Unlike Tetris, the least alignment wins.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, ClusterState, PodClasses
from schedbench.jit import kernel
from schedbench.plugins.base import Scope, ScoreColumns, ScoreKind, ScorePlugin
from schedbench.plugins.gpu_share import free_milli


class GpuDotProduct(ScorePlugin):
    """Scores nodes higher the smaller the product is, 0..100."""

    name: ClassVar[str] = "GpuDotProduct"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.GPU_DOT_PRODUCT


@kernel
def gpu_dot_product_score(
    state: ClusterState,
    classes: PodClasses,
    columns: ScoreColumns,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> None:
    """Write the score of the nodes `low` to `high`."""
    gpu = classes.gpu_count[pod_class] * classes.gpu_milli[pod_class]
    cpu_part = classes.request[pod_class, CPU] / columns.largest[CPU]
    gpu_part = gpu / columns.largest_gpu
    for i in range(score.size):
        node = low + i
        free = state.allocatable[CPU, node] - state.requested[CPU, node]
        product = (free / columns.largest[CPU]) * cpu_part
        product += (free_milli(state, node) / columns.largest_gpu) * gpu_part
        score[i] = np.int64(100.0 * (1.0 - product / 2.0))
