"""GpuPacking: GPUs in use before idle GPUs, nodes in use before idle nodes.

Source: GpuPacking of the FGD paper's simulator (Weng et al., USENIX ATC 2023). A node
is idle if all its GPUs are; pods without a GPU score 0 everywhere.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    GPU_DEVICE_MILLI,
    MAX_GPU_DEVICES,
    ClusterState,
    PodClasses,
)
from schedbench.jit import allocating_kernel
from schedbench.plugins.base import Scope, ScoreKind, ScorePlugin


class GpuPacking(ScorePlugin):
    """Scores nodes by how few idle devices the pod would take, 0..100."""

    name: ClassVar[str] = "GpuPacking"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.GPU_PACKING


@allocating_kernel
def gpu_packing_score(
    state: ClusterState,
    classes: PodClasses,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> None:
    """Write the score of the nodes `low` to `high`; meaningful where the pod fits."""
    count = classes.gpu_count[pod_class]
    milli = classes.gpu_milli[pod_class]
    taken = np.empty(MAX_GPU_DEVICES, dtype=np.bool_)
    for i in range(score.size):
        if count == 0:
            score[i] = 0
            continue
        free = state.gpu_free[:, low + i]
        devices = 0
        idle = 0
        for device in range(free.size):
            taken[device] = False
            devices += np.int64(free[device] >= 0)
            idle += np.int64(free[device] == GPU_DEVICE_MILLI)
        if idle == devices:
            score[i] = max(33 - idle, idle)
            continue
        taken_idle = 0
        percent = 0
        for _ in range(count):
            best = -1
            for device in range(free.size):
                if taken[device] or free[device] < milli:
                    continue
                if best < 0 or free[device] < free[best]:
                    best = device
            if best >= 0:
                taken[best] = True
                taken_idle += np.int64(free[best] == GPU_DEVICE_MILLI)
                percent += free[best] * 100 // GPU_DEVICE_MILLI
        if taken_idle > 0:
            score[i] = max(50 - taken_idle, 33)
        else:
            score[i] = max(100 - percent // 10, 50)
