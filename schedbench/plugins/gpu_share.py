"""GpuShare: several pods may share a GPU device, each holding some milli of it.

Source: the rules of the simulator of "Beware of Fragmentation" (Weng et al., USENIX
ATC 2023): a pod wants k devices with m milli free on each, of an acceptable model.
A share (k = 1, m < 1000) takes the fullest device it fits on, the lowest index among
equals, unless the policy says otherwise; whole devices are the k idle ones of lowest
index.
"""

from __future__ import annotations

import enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.gpu import GPU_MODEL, gpu_request
from schedbench.cluster.layout import GPU_DEVICE_MILLI, ClusterState, PodClasses
from schedbench.cluster.nodes import ABSENT, NodeTable
from schedbench.jit import inner_kernel, kernel
from schedbench.objects.pod import Pod
from schedbench.plugins.base import (
    ClusterView,
    NodeVerdicts,
    Plugin,
    Scope,
    StaticVerdict,
)

MODEL_REASON = "node(s) had no GPU of an acceptable model"
SHARE_REASON = "Insufficient GPU share"


class DeviceRule(enum.IntEnum):
    """Which device of the chosen node a share takes, of those that it fits on.

    `FULLEST` the one with least free; `RANDOM` any, uniformly; `FRAGMENTATION` the one
    that GpuFragmentation scores highest.
    """

    FULLEST = 0
    RANDOM = 1
    FRAGMENTATION = 2


class GpuShare(Plugin):
    """Rejects nodes without enough devices of the right model and enough free milli."""

    name: ClassVar[str] = "GpuShare"
    filter_scope: ClassVar[Scope | None] = Scope.NODE

    def static_filter(self, pod: Pod, nodes: NodeTable, slots: slice) -> StaticVerdict:
        """Return which nodes have GPUs of an acceptable model."""
        request = gpu_request(pod)
        column = nodes.label(GPU_MODEL)
        ids = column.ids[slots]
        if not request.models:
            return StaticVerdict.of(ids >= ABSENT, MODEL_REASON)
        wanted = [column.values.get(model, ABSENT - 1) for model in request.models]
        return StaticVerdict.of(np.isin(ids, wanted), MODEL_REASON)

    def verdicts(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes have too few devices with enough free."""
        count = view.classes.gpu_count[pod_class]
        if count == 0:
            return NodeVerdicts.passed(len(slots))
        fitting = view.state.gpu_free[:, slots] >= view.classes.gpu_milli[pod_class]
        short = fitting.sum(axis=0) < count
        return NodeVerdicts.of(short, SHARE_REASON, unresolvable=False)


@inner_kernel
def gpus_fit(
    state: ClusterState,
    classes: PodClasses,
    pod_class: int,
    low: int,
    high: int,
    bad: NDArray[np.int64],
) -> None:
    """Make `bad[i]` negative if node `low + i` has too few devices with enough free."""
    count = classes.gpu_count[pod_class]
    if count == 0:
        return
    milli = classes.gpu_milli[pod_class]
    free = state.gpu_free[:, low:high]
    for i in range(high - low):
        fitting = 0
        for device in range(free.shape[0]):
            fitting += np.int64(free[device, i] >= milli)
        bad[i] |= fitting - count


@kernel
def choose_devices(
    state: ClusterState, classes: PodClasses, pod_class: int, node: int
) -> int:
    """Return the devices that a pod of the class takes on a node that fits, as bits."""
    count = classes.gpu_count[pod_class]
    milli = classes.gpu_milli[pod_class]
    if count == 0:
        return 0
    devices = 0
    if milli < GPU_DEVICE_MILLI:
        best = -1
        for device in range(state.gpu_free.shape[0]):
            free = state.gpu_free[device, node]
            if free >= milli and (best < 0 or free < state.gpu_free[best, node]):
                best = device
        return 1 << best
    for device in range(state.gpu_free.shape[0]):
        if count > 0 and state.gpu_free[device, node] >= milli:
            devices |= 1 << device
            count -= 1
    return devices


@kernel
def takes_share(classes: PodClasses, pod_class: int) -> bool:
    """Return whether a class asks for a part of one device."""
    is_part = classes.gpu_milli[pod_class] < GPU_DEVICE_MILLI
    return bool(classes.gpu_count[pod_class] == 1 and is_part)


@kernel
def fitting_devices(state: ClusterState, milli: int, node: int) -> int:
    """Return on how many devices of a node so much is free."""
    fitting = 0
    for device in range(state.gpu_free.shape[0]):
        fitting += np.int64(state.gpu_free[device, node] >= milli)
    return fitting


@kernel
def nth_fitting_device(state: ClusterState, milli: int, node: int, nth: int) -> int:
    """Return the n-th device, from 0, on which so much is free; −1 if there is none."""
    for device in range(state.gpu_free.shape[0]):
        if state.gpu_free[device, node] >= milli:
            if nth == 0:
                return device
            nth -= 1
    return -1


@kernel
def devices_state(state: ClusterState, node: int) -> int:
    """Return a number that tells a node and what is free of its devices.

    By it a random device is drawn, so that whoever asks gets the same one: the loop,
    a rehearsal of a group, or a cluster around the scheduler.
    """
    number = np.int64(node)
    for device in range(state.gpu_free.shape[0]):
        number = number * (GPU_DEVICE_MILLI + 1) + state.gpu_free[device, node]
    return number


@kernel
def free_milli(state: ClusterState, node: int) -> int:
    """Return the free milli of all devices of a node together."""
    total = 0
    for device in range(state.gpu_free.shape[0]):
        total += max(state.gpu_free[device, node], 0)
    return total
