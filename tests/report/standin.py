"""A thin stand-in for the statistics and the metric table, for work on the report alone."""

from __future__ import annotations

import sys
import types
from typing import NamedTuple

import numpy as np
import pandas as pd

KEYS = ["scenario", "size", "policy"]


class Metric(NamedTuple):
    name: str
    unit: str
    better: str
    kind: str
    description: str


def metrics() -> dict[str, Metric]:
    up, down, none = "up", "down", "none"
    q, w = "quality", "wall_clock"
    rows = [
        ("pods_total", "pods", none, q), ("pods_bound", "pods", up, q),
        ("pods_pending", "pods", down, q), ("pods_evicted", "pods", down, q),
        ("unschedulable_attempts", "attempts", down, q),
        ("allocation_cpu_mean", "fraction", up, q), ("allocation_cpu_final", "fraction", up, q),
        ("allocation_memory_mean", "fraction", up, q), ("allocation_memory_final", "fraction", up, q),
        ("allocation_gpu_mean", "fraction", up, q), ("allocation_gpu_final", "fraction", up, q),
        ("nodes_used", "nodes", down, q), ("fragmentation_stranded_cpu", "fraction", down, q),
        ("fragmentation_gpu", "fraction", down, q), ("packing_ratio", "ratio", down, q),
        ("queue_wait_mean_s", "s", down, q), ("queue_wait_p99_s", "s", down, q),
        ("makespan_s", "s", down, q), ("slowdown_mean", "ratio", down, q),
        ("jain_fairness_namespaces", "ratio", up, q), ("constraint_violations", "pods", down, q),
        ("decisions_per_second", "1/s", up, w), ("decisions", "decisions", none, w),
        ("schedule_seconds", "s", down, w), ("total_seconds", "s", down, w),
        ("compile_seconds", "s", down, w), ("peak_rss_bytes", "bytes", down, w),
        ("latency_p50_us", "us", down, w), ("latency_p90_us", "us", down, w),
        ("latency_p99_us", "us", down, w), ("latency_max_us", "us", down, w),
    ]  # fmt: skip
    return {r[0]: Metric(*r, description=r[0].replace("_", " ")) for r in rows}


def summarize(cells, metric):
    rows = []
    for key, part in cells.groupby(KEYS, sort=False):
        values = part[metric].dropna().to_numpy(float)
        if not len(values):
            continue
        half = 1.96 * values.std() / np.sqrt(len(values))
        mean = values.mean()
        rows.append((*key, mean, mean - half, mean + half, len(values)))
    return pd.DataFrame(rows, columns=[*KEYS, "mean", "low", "high", "n"])


def paired_differences(cells, metric, baseline):
    better = metrics()[metric].better
    rows = []
    for (scenario, size), part in cells.groupby(["scenario", "size"], sort=False):
        wide = part.pivot_table(index="seed", columns="policy", values=metric)
        if baseline not in wide:
            continue
        for policy in wide.columns:
            if policy == baseline:
                continue
            d = (wide[policy] - wide[baseline]).dropna()
            if not len(d):
                continue
            mean, half = d.mean(), 1.96 * d.std(ddof=0) / np.sqrt(len(d))
            low, high = mean - half, mean + half
            base = wide[baseline].mean() or np.nan
            verdict = "same"
            if low > 0 or high < 0:
                verdict = "better" if (mean > 0) == (better == "up") else "worse"
            rows.append((scenario, size, policy, mean, low, high, len(d),
                         mean / base, low / base, high / base, verdict))  # fmt: skip
    return pd.DataFrame(
        rows,
        columns=[*KEYS, "mean", "low", "high", "n", "relative_mean",
                 "relative_low", "relative_high", "verdict"],
    )  # fmt: skip


def install() -> None:
    try:
        import schedbench.metrics.table  # noqa: F401
    except ImportError:
        module = types.ModuleType("schedbench.metrics.table")
        module.METRICS = metrics()
        sys.modules["schedbench.metrics.table"] = module
    try:
        import schedbench.experiment.statistics  # noqa: F401
    except ImportError:
        module = types.ModuleType("schedbench.experiment.statistics")
        module.summarize, module.paired_differences = summarize, paired_differences
        sys.modules["schedbench.experiment.statistics"] = module
