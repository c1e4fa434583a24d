"""What pods and nodes say of shared GPUs.

The annotations and labels are those of the Alibaba GPU-sharing clusters, as the
openb trace (Weng et al., USENIX ATC 2023) and its simulator use them: a pod asks for
`gpu-count` devices and `gpu-milli` thousandths of each; a node has `gpu-count` devices
of one model.
"""

from __future__ import annotations

from typing import NamedTuple

from schedbench.cluster.layout import GPU_DEVICE_MILLI, MAX_GPU_DEVICES
from schedbench.errors import InputError
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.units import value

GPU_COUNT = "alibabacloud.com/gpu-count"
GPU_MILLI = "alibabacloud.com/gpu-milli"
GPU_MODEL = "alibabacloud.com/gpu-card-model"


class GpuRequest(NamedTuple):
    """Devices, milli of each, and the acceptable models (empty = any)."""

    devices: int
    milli: int
    models: tuple[str, ...]


NO_GPU = GpuRequest(0, 0, ())


def gpu_request(pod: Pod) -> GpuRequest:
    """Return the shared-GPU request of a pod.

    Raises
    ------
    InputError
        If an annotation is no whole number, or the shares contradict each other.
    """
    notes = pod.metadata.annotations
    count = _whole(pod, GPU_COUNT, notes.get(GPU_COUNT, "0"))
    if count == 0:
        return NO_GPU
    milli = _whole(pod, GPU_MILLI, notes.get(GPU_MILLI, str(GPU_DEVICE_MILLI)))
    if not 0 < milli <= GPU_DEVICE_MILLI or (count > 1 and milli < GPU_DEVICE_MILLI):
        raise InputError(
            "GPU share is out of range",
            where=f"Pod {pod.key} metadata.annotations[{GPU_MILLI}]",
            value=milli,
            fix="give 1 to 1000, and 1000 with more than one device",
        )
    models = tuple(part for part in notes.get(GPU_MODEL, "").split("|") if part)
    return GpuRequest(count, milli, models)


def gpu_devices(node: Node) -> int:
    """Return how many shared GPU devices a node has.

    Raises
    ------
    InputError
        If there are more than a device set can name (63).
    """
    status = node.status
    given = status.allocatable.get(GPU_COUNT, status.capacity.get(GPU_COUNT))
    count = 0 if given is None else value(given)
    if not 0 <= count <= MAX_GPU_DEVICES:
        raise InputError(
            "number of GPU devices is out of range",
            where=f"Node {node.metadata.name} status.allocatable[{GPU_COUNT}]",
            value=count,
            fix=f"give 0 to {MAX_GPU_DEVICES}",
        )
    return count


def gpu_model(node: Node) -> str:
    """Return the model of a node's GPUs, empty if it names none."""
    return node.metadata.labels.get(GPU_MODEL, "")


def _whole(pod: Pod, key: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text)
    raise InputError(
        "not a whole number",
        where=f"Pod {pod.key} metadata.annotations[{key}]",
        value=text,
        fix="give a number such as 1",
    )
