"""Kernels about shares of GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from naive import best_fit, dot_prod, gpu, gpu_packing

from kernel_cases.situation import KernelCase, Situation, passing, situations
from schedbench.plugins.base import ScorePlugin
from schedbench.plugins.gpu_best_fit import GpuBestFit, gpu_best_fit_score
from schedbench.plugins.gpu_dot_product import GpuDotProduct, gpu_dot_product_score
from schedbench.plugins.gpu_packing import gpu_packing_score
from schedbench.plugins.gpu_share import choose_devices, free_milli, gpus_fit


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
