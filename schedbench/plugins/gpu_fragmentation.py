"""GpuFragmentation: the node on which the pod lowers fragmentation most (FGD).

Source: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
Fragmentation Gradient Descent" (USENIX ATC 2023), and the arithmetic of its simulator:
F of a node is its idle milli-GPU that typical pods cannot use, added up in float64 in
the order of these pods; the fall of F is squashed to an integer, 50 = no change.

A score depends on the node and on cpu, devices and milli of the pod alone, so it is
remembered until the node changes.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.gpu import gpu_model
from schedbench.cluster.layout import CPU, ClusterState, PodClasses
from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.typical import TypicalPods, typical_pods
from schedbench.jit import inner_kernel, kernel
from schedbench.plugins.base import (
    Scope,
    ScoreKind,
    ScorePlugin,
    TargetColumns,
    no_target,
)
from schedbench.plugins.gpu_share import takes_share

MOST_BYTES = 64 * 2**20
"""Of the scores that are remembered."""
SCORES = 128
"""More than the greatest score."""
_UNSEEN = -(2**62)


class GpuFragmentation(ScorePlugin):
    """Scores nodes by how much fragmentation falls if the pod goes there, 0..100.

    Parameters
    ----------
    typical
        The target workload, against which fragmentation is measured; None = that of
        the workload, else its own pods.
    """

    name: ClassVar[str] = "GpuFragmentation"
    score_scope: ClassVar[Scope | None] = Scope.NODE
    kind = ScoreKind.GPU_FRAGMENTATION

    def __init__(self, typical: TypicalPods | None = None) -> None:
        self.typical = typical

    def prepare(self, encoded: EncodedWorkload, nodes: NodeTable) -> TargetColumns:
        """Return the target workload as columns; empty ones if there are no pods."""
        typical = self.typical or typical_pods(encoded)
        if typical is None:
            return no_target()
        return target_columns(typical, encoded, nodes)

    def see_node(
        self,
        encoded: EncodedWorkload,
        target: TargetColumns,
        nodes: NodeTable,
        slot: int,
    ) -> None:
        """Take in a node that joined or changed: its GPUs may be of another model."""
        typical = self.typical or typical_pods(encoded)
        if typical is not None:
            target.access[:, slot] = _access(typical, gpu_model(nodes.objects[slot]))
            target.seen[slot] = _UNSEEN


def target_columns(
    typical: TypicalPods, encoded: EncodedWorkload, nodes: NodeTable
) -> TargetColumns:
    """Return the columns of a target workload; nothing is remembered yet.

    Classes that ask for the same cpu and GPUs share a row of scores. Where rows would
    take more than `MOST_BYTES`, the scores of some classes are not remembered.
    """
    classes, slots = encoded.classes, len(nodes)
    gpus = len(encoded.state.gpu_free)
    asked = (classes.request[:, CPU], classes.gpu_count, classes.gpu_milli)
    demands, demand = np.unique(np.stack(asked, axis=1), axis=0, return_inverse=True)
    demand = demand.reshape(-1).astype(np.int64)
    remembered = min(len(demands), MOST_BYTES // max(8 * slots, 1))
    access = np.zeros((len(typical.cpu), slots), dtype=np.uint8)
    known: dict[str, list[bool]] = {}
    for slot, node in enumerate(nodes.objects):
        model = gpu_model(node)
        if model not in known:
            known[model] = _access(typical, model)
        access[:, slot] = known[model]
    return TargetColumns(
        cpu=typical.cpu,
        milli=typical.milli,
        count=typical.devices,
        popularity=typical.popularity,
        access=access,
        demand=np.where(demand < remembered, demand, -1),
        seen=np.full((slots, 1 + gpus), _UNSEEN, dtype=np.int64),
        version=np.zeros(slots, dtype=np.int64),
        fragments=np.zeros(slots, dtype=np.float64),
        rated=np.zeros((remembered, slots), dtype=np.int64),
        free=np.zeros(gpus, dtype=np.int64),
    )


def _access(typical: TypicalPods, model: str) -> list[bool]:
    """Return which typical pods accept GPUs of a model."""
    return [not models or model in models.split("|") for models in typical.models]


@kernel
def gpu_fragmentation_score(
    state: ClusterState,
    classes: PodClasses,
    target: TargetColumns,
    pod_class: int,
    bad: NDArray[np.int64],
    score: NDArray[np.int64],
) -> None:
    """Write the score of the nodes that are feasible, by `bad`; 0 for the others."""
    demand = target.demand[pod_class]
    for node in range(score.size):
        score[node] = 0
        if bad[node] < 0:
            continue
        look_at_node(state, target, node)
        if demand < 0:
            score[node] = best_fall(state, classes, target, pod_class, node)[0]
            continue
        known = target.rated[demand, node]
        if known // SCORES != target.version[node]:
            fall = best_fall(state, classes, target, pod_class, node)[0]
            known = target.version[node] * SCORES + fall
            target.rated[demand, node] = known
        score[node] = known % SCORES


@kernel
def least_fragmenting_device(
    state: ClusterState,
    classes: PodClasses,
    target: TargetColumns,
    pod_class: int,
    node: int,
) -> int:
    """Return the device on which a share scores highest, the first of equals.

    It is −1 where the share fits on none.
    """
    look_at_node(state, target, node)
    return best_fall(state, classes, target, pod_class, node)[1]


@inner_kernel
def look_at_node(state: ClusterState, target: TargetColumns, node: int) -> None:
    """Measure F of a node anew, and count a version, if the node changed."""
    seen = target.seen[node]
    cpu = state.allocatable[CPU, node] - state.requested[CPU, node]
    same = seen[0] == cpu
    for device in range(target.free.size):
        same &= seen[1 + device] == state.gpu_free[device, node]
    if same:
        return
    seen[0] = cpu
    for device in range(target.free.size):
        seen[1 + device] = state.gpu_free[device, node]
        target.free[device] = state.gpu_free[device, node]
    target.version[node] += 1
    target.fragments[node] = fragments(target, node, cpu)


@inner_kernel
def best_fall(
    state: ClusterState,
    classes: PodClasses,
    target: TargetColumns,
    pod_class: int,
    node: int,
) -> tuple[int, int]:
    """Return the score of a node that was looked at, and the device of a share."""
    cpu = target.seen[node, 0] - classes.request[pod_class, CPU]
    milli = classes.gpu_milli[pod_class]
    for device in range(target.free.size):
        target.free[device] = state.gpu_free[device, node]
    if not takes_share(classes, pod_class):
        left = classes.gpu_count[pod_class]
        for device in range(target.free.size):
            if left > 0 and target.free[device] >= milli:
                target.free[device] -= milli
                left -= 1
        return squashed(target.fragments[node] - fragments(target, node, cpu)), -1
    best, chosen = -1, -1
    for device in range(target.free.size):
        if target.free[device] < milli or is_repeated(target.free, device):
            continue
        target.free[device] -= milli
        fall = squashed(target.fragments[node] - fragments(target, node, cpu))
        target.free[device] += milli
        if fall > best:
            best, chosen = fall, device
    return best, chosen


@inner_kernel
def is_repeated(free: NDArray[np.int64], device: int) -> bool:
    """Return whether an earlier device has as much free: F would be the same."""
    repeated = False
    for earlier in range(device):
        repeated |= free[earlier] == free[device]
    return repeated


@inner_kernel
def squashed(fall: float) -> int:
    """Return the sigmoid of a fall of F in devices, in percent, truncated."""
    return np.int64(1.0 / (1.0 + math.exp(-(fall / 1000.0))) * 100.0)


@kernel
def fragments(target: TargetColumns, node: int, cpu: int) -> float:
    """Return F of a node with so much cpu and `target.free` of its devices free."""
    idle = 0
    for device in range(target.free.size):
        idle += max(target.free[device], 0)
    lack_both = lack_gpu = lack_cpu = cpu_fits = cpu_lacks = no_access = 0.0
    for j in range(target.cpu.size):
        share, milli = target.popularity[j], target.milli[j]
        enough_cpu = cpu >= target.cpu[j]
        if milli == 0:
            if enough_cpu:
                cpu_fits += share * idle
            else:
                cpu_lacks += share * idle
            continue
        if not target.access[j, node]:
            no_access += share * idle
            continue
        fitting, slivers = 0, 0
        for device in range(target.free.size):
            fits = target.free[device] >= milli
            fitting += np.int64(fits)
            slivers += 0 if fits else max(target.free[device], 0)
        if fitting >= target.count[j]:
            if enough_cpu:
                lack_gpu += share * slivers
            else:
                lack_cpu += share * idle
        elif enough_cpu:
            lack_gpu += share * idle
        else:
            lack_both += share * idle
    return lack_both + lack_gpu + lack_cpu + cpu_fits + cpu_lacks + no_access
