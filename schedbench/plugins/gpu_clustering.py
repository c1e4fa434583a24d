"""GpuClustering: pods that ask for GPUs in the same way go together.

Source: GpuClustering of the FGD paper's simulator (Weng et al., USENIX ATC 2023), with
the largest node in place of its constant 8,000 milli GPU. Ways are a share of a device,
or a number of whole ones; pods without a GPU score 0 everywhere.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import NO_TAG, ClusterState, PodClasses
from schedbench.jit import kernel
from schedbench.plugins.base import Scope, ScoreColumns, ScoreKind, ScorePlugin
from schedbench.plugins.gpu_share import free_milli

FULLNESS = 25
ONLY_ALIKE, SOME_ALIKE, NOBODY = 75, 50, 25
"""What is added where all, or some, ask in the same way, and where nobody asks."""


class GpuClustering(ScorePlugin):
    """Scores nodes by the pods on them that ask for GPUs in the same way, 0..100."""

    name: ClassVar[str] = "GpuClustering"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.GPU_CLUSTERING


@kernel
def gpu_clustering_score(
    state: ClusterState,
    classes: PodClasses,
    columns: ScoreColumns,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> None:
    """Write the score of the nodes `low` to `high`."""
    own = classes.gpu_tag[pod_class]
    largest = np.int64(columns.largest_gpu)
    for i in range(score.size):
        score[i] = 0
        if own == NO_TAG:
            continue
        node = low + i
        tags = 0
        for tag in range(state.gpu_tags.shape[0]):
            tags += np.int64(state.gpu_tags[tag, node] > 0)
        score[i] = FULLNESS * (largest - free_milli(state, node)) // largest
        if state.gpu_tags[own, node] > 0:
            score[i] += ONLY_ALIKE if tags == 1 else SOME_ALIKE
        elif tags == 0:
            score[i] += NOBODY
