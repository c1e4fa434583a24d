"""The keys by which pods ask for shared GPUs and nodes offer them.

They are those of Alibaba's open GPU-share scheduler and of the openb trace: a pod has
annotations, a node an allocatable resource and a label. A device is 1000 milli.
"""

from __future__ import annotations

GPU_COUNT = "alibabacloud.com/gpu-count"
GPU_MILLI = "alibabacloud.com/gpu-milli"
GPU_MODEL = "alibabacloud.com/gpu-card-model"
MILLI_PER_GPU = 1000


def gpu_annotations(count: int, milli: int, models: str) -> dict[str, str]:
    """Return a pod's annotations for `count` devices with `milli` of each.

    `models` are joined by `|`; empty = any. No devices, no annotations.
    """
    if count == 0:
        return {}
    wanted = {GPU_COUNT: str(count), GPU_MILLI: str(milli)}
    return wanted | ({GPU_MODEL: models} if models else {})
