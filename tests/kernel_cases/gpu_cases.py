"""Kernels about shares of GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from naive import best_fit, dot_prod, fgd, gpu, gpu_clustering, gpu_packing
from naive.fragmentation import Measure, typical_pods

from kernel_cases.situation import KernelCase, Situation, passing, situations
from schedbench.cluster.nodes import NodeTable
from schedbench.plugins.base import ScorePlugin, TargetColumns
from schedbench.plugins.gpu_best_fit import GpuBestFit, gpu_best_fit_score
from schedbench.plugins.gpu_clustering import GpuClustering, gpu_clustering_score
from schedbench.plugins.gpu_dot_product import GpuDotProduct, gpu_dot_product_score
from schedbench.plugins.gpu_fragmentation import (
    GpuFragmentation,
    gpu_fragmentation_score,
    least_fragmenting_device,
)
from schedbench.plugins.gpu_packing import gpu_packing_score
from schedbench.plugins.gpu_share import (
    choose_devices,
    devices_state,
    fitting_devices,
    free_milli,
    gpus_fit,
    nth_fitting_device,
    takes_share,
)


def _gpu_scored(
    kernel: Callable[..., Any], plugin: type[ScorePlugin]
) -> Callable[[Situation], list[int]]:
    def compute(situation: Situation) -> list[int]:
        columns = situation.columns(plugin())
        state, classes = situation.state, situation.encoded.classes
        return situation.over_nodes(
            lambda low, high, out: kernel(state, classes, columns, 0, low, high, out)
        )

    return compute


def _naive_gpu_scored(raw: Callable[..., int]) -> Callable[[Situation], list[int]]:
    def compute(situation: Situation) -> list[int]:
        wanted = gpu.demand(situation.pod)
        return [raw(wanted, seen, situation.largest) for seen in situation.views]

    return compute


def _packing(situation: Situation) -> list[int]:
    state, classes = situation.state, situation.encoded.classes
    scores = situation.over_nodes(
        lambda low, high, out: gpu_packing_score(state, classes, 0, low, high, out)
    )
    return [scores[i] for i in _fitting(situation)]


def _naive_packing(situation: Situation) -> list[int]:
    wanted = gpu.demand(situation.pod)
    return [gpu_packing.raw(wanted, situation.views[i]) for i in _fitting(situation)]


def _fitting(situation: Situation) -> list[int]:
    """Return the slots where the pod's GPU shares fit, whatever the model."""
    wanted = gpu.demand(situation.pod)
    return [
        slot
        for slot, seen in enumerate(situation.views)
        if sum(free >= wanted.milli for free in seen.devices) >= wanted.count
    ]


def _devices(situation: Situation) -> list[int]:
    return [
        int(choose_devices(situation.state, situation.encoded.classes, 0, slot))
        for slot in _fitting(situation)
    ]


def _naive_devices(situation: Situation) -> list[int]:
    wanted, views = gpu.demand(situation.pod), situation.views
    return [
        sum(1 << device for device in gpu.best_devices(wanted, views[slot]))
        for slot in _fitting(situation)
    ]


def _target(situation: Situation) -> TargetColumns:
    nodes = NodeTable(situation.nodes)
    return GpuFragmentation().prepare(situation.encoded, nodes)


def _measure(situation: Situation) -> Measure:
    return Measure(typical_pods(situation.encoded.workload.pods.templates))


def _falls(situation: Situation) -> list[tuple[int, int]]:
    """Return score and device of a share on each node; the second score is known."""
    encoded, state, target = situation.encoded, situation.state, _target(situation)
    fitting = _fitting(situation)
    bad = np.full(len(situation.nodes), -1)
    bad[fitting] = 0
    score = np.zeros(len(bad), dtype=np.int64)
    scores = []
    for _ in range(2):
        gpu_fragmentation_score(state, encoded.classes, target, 0, bad, score)
        scores.append(score[fitting].tolist())
    shares = takes_share(encoded.classes, 0)
    devices = [
        int(least_fragmenting_device(state, encoded.classes, target, 0, slot))
        if shares
        else -1
        for slot in fitting
    ]
    return list(zip(*scores, devices, strict=True))


def _naive_falls(situation: Situation) -> list[tuple[int, int]]:
    wanted, measure = gpu.demand(situation.pod), _measure(situation)
    found = []
    for slot in _fitting(situation):
        seen = situation.views[slot]
        score = fgd.raw(wanted, seen, measure)
        device = fgd.devices(wanted, seen, measure)[0] if wanted.shares else -1
        found.append((score, score, device))
    return found


def _fitting_one_by_one(situation: Situation) -> list[list[int]]:
    """Return the devices on which the pod's milli are free, found one by one."""
    state, classes = situation.state, situation.encoded.classes
    milli = max(int(classes.gpu_milli[0]), 1)
    return [
        [
            int(nth_fitting_device(state, milli, slot, nth))
            for nth in range(fitting_devices(state, milli, slot))
        ]
        for slot in range(len(situation.nodes))
    ]


def _naive_fitting_one_by_one(situation: Situation) -> list[list[int]]:
    milli = max(gpu.demand(situation.pod).milli, 1)
    return [
        [i for i, free in enumerate(seen.devices) if free >= milli]
        for seen in situation.views
    ]


def _told_apart(situation: Situation) -> list[tuple[bool, bool]]:
    """Return whether a node's number changes with a device, and is the old one then."""
    state, milli = situation.state, situation.encoded.classes.gpu_milli[0]
    found = []
    for slot in _fitting(situation):
        numbers = []
        for taken in (0, milli, -milli):
            state.gpu_free[:1, slot] -= taken
            numbers.append(int(devices_state(state, slot)))
        found.append((numbers[0] != numbers[1], numbers[0] == numbers[2]))
    return found


def _naive_told_apart(situation: Situation) -> list[tuple[bool, bool]]:
    takes = gpu.demand(situation.pod).milli > 0
    return [(takes, True) for _ in _fitting(situation)]


def _naive_gpus_fit(situation: Situation) -> list[bool]:
    fitting = _fitting(situation)
    return [slot in fitting for slot in range(len(situation.nodes))]


CASES = {
    "GpuBestFit score": KernelCase(
        (gpu_best_fit_score,),
        situations(gpus=True),
        _gpu_scored(gpu_best_fit_score, GpuBestFit),
        _naive_gpu_scored(best_fit.raw),
    ),
    "GpuDotProduct score": KernelCase(
        (gpu_dot_product_score,),
        situations(gpus=True),
        _gpu_scored(gpu_dot_product_score, GpuDotProduct),
        _naive_gpu_scored(dot_prod.raw),
    ),
    "GpuPacking score": KernelCase(
        (gpu_packing_score,), situations(gpus=True), _packing, _naive_packing
    ),
    "GpuClustering score": KernelCase(
        (gpu_clustering_score,),
        situations(gpus=True),
        _gpu_scored(gpu_clustering_score, GpuClustering),
        _naive_gpu_scored(gpu_clustering.raw),
    ),
    "GpuFragmentation score and device": KernelCase(
        (gpu_fragmentation_score, least_fragmenting_device, takes_share),
        situations(gpus=True),
        _falls,
        _naive_falls,
    ),
    "GpuShare devices one by one": KernelCase(
        (fitting_devices, nth_fitting_device),
        situations(gpus=True),
        _fitting_one_by_one,
        _naive_fitting_one_by_one,
    ),
    "GpuShare number of a node's devices": KernelCase(
        (devices_state,),
        situations(gpus=True),
        _told_apart,
        _naive_told_apart,
    ),
    "GpuShare filter": KernelCase(
        (gpus_fit,), situations(gpus=True), passing(gpus_fit), _naive_gpus_fit
    ),
    "GpuShare devices": KernelCase(
        (choose_devices,), situations(gpus=True), _devices, _naive_devices
    ),
    "GpuShare free milli": KernelCase(
        (free_milli,),
        situations(gpus=True),
        lambda s: [int(free_milli(s.state, slot)) for slot in range(len(s.nodes))],
        lambda s: [seen.idle for seen in s.views],
    ),
}
