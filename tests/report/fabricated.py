"""Made-up results of a believable shape, so that the report is tested without a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

GIB = 1024**3

POLICIES = {  # how well each packs (0..1), and its decisions a second at 1,000 nodes
    "kube-scheduler": (0.45, 42_000),
    "least-allocated": (0.40, 61_000),
    "most-allocated": (0.80, 60_000),
    "best-fit": (0.86, 74_000),
    "first-fit": (0.70, 210_000),
    "random": (0.25, 180_000),
    "dot-product[normalize=true]": (0.83, 38_000),
    "balanced": (0.50, 44_000),
    "worst-fit": (0.30, 73_000),
    "round-robin": (0.35, 195_000),
    "gpu-best-fit": (0.90, 31_000),
    "gpu-fragmentation-gradient": (0.95, 9_000),
}
SCENARIOS = {
    "web-services": {"100": 100, "500": 500, "1000": 1000, "2000": 2000},
    "gpu-sharing": {"1213": 1213},
    "batch-departures": {"200": 200},
    "tainted-pools": {"300": 300},
    "large-cluster": {"5000": 5000},
}
REASONS = {
    "NodeResourcesFit": ["Insufficient cpu", "Insufficient memory", "Too many pods"],
    "TaintToleration": ["node(s) had untolerated taint {pool: gpu}"],
    "NodeAffinity": ["node(s) didn't match Pod's node affinity/selector"],
    "GpuShare": ["Insufficient GPU memory in one device"],
}


CURVES = [
    "scenario", "size", "policy", "seed", "curve", "arrived_pct", "ours", "published",
]  # fmt: skip


@dataclass
class Fabricated:
    """The frames and the manifest of a result store."""

    manifest: dict[str, Any]
    cells: pd.DataFrame
    samples: pd.DataFrame
    node_fill: pd.DataFrame
    rejections: pd.DataFrame
    path: Any = field(default=None)
    timelines: pd.DataFrame = field(default_factory=pd.DataFrame)
    calls: pd.DataFrame = field(default_factory=pd.DataFrame)
    load: pd.DataFrame = field(default_factory=pd.DataFrame)
    faults: pd.DataFrame = field(default_factory=pd.DataFrame)
    bounds: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CURVES))


def fabricate(
    policies: int = 6,
    seeds: int = 5,
    scenarios: dict[str, dict[str, int]] | None = None,
    failed: int = 0,
) -> Fabricated:
    """Return results of `policies` × `scenarios` × `seeds`, the same every time."""
    chosen = dict(list(POLICIES.items())[:policies])
    grid = [
        (scenario, size, nodes, policy, seed)
        for scenario, sizes in (scenarios or SCENARIOS).items()
        for size, nodes in sizes.items()
        for policy in chosen
        for seed in range(1, seeds + 1)
    ]
    cells, samples, fills, rejections = [], [], [], []
    whole: dict[str, list[pd.DataFrame]] = {}
    for key in grid:
        rng = np.random.default_rng([seed_of(key), key[4]])
        cells.append(_cell(key, rng))
        samples.append(_samples(key, rng))
        fills.append(_node_fill(key, rng))
        rejections += _rejections(key, rng)
        hops = timelines(key)
        each = {"timelines": hops, "load": _load(hops), "calls": _calls(key)}
        if "gpu" in key[0]:
            each["curves"] = arrival_curves(key)
        for name, table in (each | {"faults": _faults(key)}).items():
            whole.setdefault(name, []).append(_frame(key, dict(table)))
    frame = pd.DataFrame(cells)
    for row in range(failed):
        at = frame.index[(row * 37) % len(frame)]
        numbers = frame.columns[frame.columns.get_loc("placement_digest") + 1 :]
        frame.loc[at, numbers] = np.nan
        frame.loc[at, "placement_digest"] = None
        frame.loc[at, "status"] = "failed" if row % 2 == 0 else "timeout"
        frame.loc[at, "error"] = "PolicyError: score is NaN <on node-3>"
    return Fabricated(
        manifest=_manifest(list(chosen), scenarios or SCENARIOS, seeds),
        cells=frame,
        samples=pd.concat(samples, ignore_index=True),
        node_fill=pd.concat(fills, ignore_index=True),
        rejections=pd.DataFrame(
            rejections,
            columns=[
                "scenario", "size", "policy", "seed", "plugin", "reason", "nodes",
            ],
        ),
        bounds=_bounds(frame),
        **{name: pd.concat(each, ignore_index=True) for name, each in whole.items()},
    )  # fmt: skip


def seed_of(key: tuple) -> int:
    """A number that depends on the scenario's and the policy's name alone."""
    return sum(ord(letter) * (at + 1) for at, letter in enumerate(key[0] + key[3]))


def _quality(policy: str) -> float:
    return POLICIES[policy][0]


def _cell(key: tuple, rng: np.random.Generator) -> dict[str, Any]:
    scenario, size, nodes, policy, seed = key
    good, speed = _quality(policy), POLICIES[policy][1]
    common = np.random.default_rng(seed).normal(0, 0.02)
    noise = common + rng.normal(0, 0.004)
    gpu = "gpu" in scenario
    departures = "batch" in scenario
    pods = nodes * 20
    bound = int(pods * min(1.0, 0.90 + 0.09 * good + noise / 3))
    cpu = float(np.clip(0.62 + 0.22 * good + noise, 0, 1))
    rate = speed * (1000 / nodes) ** 0.85 * float(rng.lognormal(0, 0.05))
    wait = float(np.exp(3.2 - 2 * good + 8 * noise)) if departures else None
    return {
        "scenario": scenario, "size": size, "nodes": nodes, "pods": pods,
        "policy": policy, "seed": seed, "status": "done", "error": None,
        "engine": "scan", "threshold_failures": None, "notes": None,
        "placement_digest": f"{seed_of(key):016x}",
        "pods_total": pods, "pods_bound": bound, "pods_pending": pods - bound,
        "pods_evicted": 0, "preemptions": 0, "pods_preempted": 0, "attempts": pods,
        "unschedulable_attempts": pods - bound + int(rng.integers(0, 9)),
        "allocation_cpu_mean": cpu * 0.8, "allocation_cpu_final": cpu,
        "allocation_memory_mean": cpu * 0.7, "allocation_memory_final": cpu * 0.9,
        "allocation_gpu_mean": cpu * 0.9 if gpu else None,
        "allocation_gpu_final": cpu if gpu else None,
        "nodes_used": int(nodes * (1 - 0.35 * good + noise)),
        "fragmentation_stranded_cpu": float(np.clip(0.3 - 0.25 * good + noise, 0, 1)),
        "fragmentation_gpu": float(np.clip(0.3 - 0.2 * good + noise, 0, 1))
        if gpu else None,
        "packing_ratio": 1.6 - 0.5 * good + noise,
        "queue_wait_mean_s": wait, "queue_wait_p99_s": wait and wait * 6,
        "makespan_s": 7200 * (1.3 - 0.2 * good + noise) if departures else None,
        "slowdown_mean": 1 + wait / 30 if wait else None,
        "jain_fairness_namespaces": 0.93 + 0.05 * good + noise / 5,
        "constraint_violations": 0,
        "decisions_per_second": rate,
        "schedule_seconds": pods / rate, "total_seconds": pods / rate * 1.3,
        "compile_seconds": 1.2, "peak_rss_bytes": 3.1e8 + nodes * 1e4,
        "latency_p50_us": 0.8e6 / rate, "latency_p90_us": 1.1e6 / rate,
        "latency_p99_us": 2.3e6 / rate,
        "latency_max_us": 9e6 / rate * float(rng.lognormal(0, 0.4)),
    }  # fmt: skip


def _bounds(cells: pd.DataFrame) -> pd.DataFrame:
    """Bounds a little better than the best policy of each seed."""
    keys = ["scenario", "size", "seed"]
    best = cells.groupby(keys, as_index=False).agg(
        pods_bound=("pods_bound", "max"), allocation_cpu_final=(
            "allocation_cpu_final", "max"), nodes_used=("nodes_used", "min"),
    )  # fmt: skip
    best = best.assign(pods_pending=0.0, nodes_used=0.9 * best["nodes_used"])
    long = best.melt(keys, var_name="metric")
    waits = long["metric"] == "nodes_used"
    told = {False: "every run", True: "runs in which no pod waits"}
    return long.assign(
        key="k", method="linear program", status="optimal", gap=np.nan,
        valid_for=waits.map(told), ignores="", seconds=0.1, time_limit=10.0,
        tightest=True,
    )  # fmt: skip


def _frame(key: tuple, columns: dict[str, Any]) -> pd.DataFrame:
    scenario, size, _, policy, seed = key
    named = {"scenario": scenario, "size": size, "policy": policy, "seed": seed}
    return pd.DataFrame({**named, **columns})


def _samples(key: tuple, rng: np.random.Generator, points: int = 200) -> pd.DataFrame:
    scenario, _, nodes, policy, _ = key
    good = _quality(policy)
    horizon = 7200 * (1.3 - 0.2 * good) if "batch" in scenario else 3600.0
    time = np.linspace(0, horizon, points)
    rise = 1 - np.exp(-time / (horizon / 4))
    if "batch" in scenario:
        rise = rise * np.minimum(1, (horizon - time) / (horizon / 5))
    wave = 1 + 0.06 * np.sin(time / horizon * 25)
    cpu = np.clip((0.62 + 0.22 * good) * rise * wave + rng.normal(0, 0.004), 0, 1)
    waiting = np.maximum(0, time / horizon - 0.3 - 0.4 * good) * nodes
    columns: dict[str, Any] = {
        "time": time,
        "progress": (rise * nodes * 20).astype(int),
        "pods_bound": (cpu * nodes * 20).astype(int),
        "pods_pending": waiting.astype(int),
        "nodes_used": (np.minimum(1, cpu * (1.5 - 0.5 * good)) * nodes).astype(int),
        "nodes_total": nodes,
        "allocation_cpu": cpu,
        "allocation_memory": cpu * 0.9,
        "allocation_gpu": cpu * 0.95 if "gpu" in scenario else np.nan,
        "fragmentation": 0.3 - 0.2 * good * rise,
    }
    return _frame(key, columns)


HOPS = {  # mean seconds of each hop
    "admitted": 0.004, "stored": 0.012, "seen_by_scheduler": 0.02, "decided": 0.4,
    "bound": 0.03, "seen_by_kubelet": 0.02, "sandbox": 0.35, "pulled": 2.5,
    "started": 0.25, "ready": 1.0, "routable": 0.6,
}  # fmt: skip


FAULT = (20.0, 32.0)
"""Begin and end of the one fault, during which no pod is decided."""


def timelines(key: tuple) -> pd.DataFrame:
    """Pods of a minute, decided one after the other as fast as the policy is."""
    rng = np.random.default_rng([seed_of(key), key[4], 1])
    pods = min(40 + key[2] // 5, 400)
    slow = 2 - _quality(key[3])
    took = np.array(list(HOPS.values())) * rng.lognormal(0, 0.5, (pods, len(HOPS)))
    took[rng.random(pods) < 0.6, 7] = 0.0
    applied = np.sort(rng.uniform(0, 60, pods))
    free = 0.0
    for pod, at in enumerate(applied + took[:, :3].sum(axis=1)):
        begin = max(free, at)
        if FAULT[0] <= begin < FAULT[1]:
            begin = FAULT[1]
        free = begin + 0.3 * slow
        took[pod, 3] = free - at
    times = np.hstack([applied[:, None], applied[:, None] + took.cumsum(axis=1)])
    times[: int(2 * slow), 9:] = np.nan
    frame = pd.DataFrame(times, columns=["applied", *HOPS])
    names = [f"web-{number}" for number in range(pods)]
    return frame.assign(
        uid=[f"uid-{name}" for name in names], namespace="default", name=names,
        node=[f"node-{number % key[2]}" for number in range(pods)],
        deleted=np.nan, phase=np.where(frame["started"].isna(), "Pending", "Running"),
    )  # fmt: skip


def _load(hops: pd.DataFrame) -> pd.DataFrame:
    """Every second: what was written for the pods' hops, and who waits where."""
    time = np.arange(1.0, np.ceil(np.nanmax(hops["routable"])) + 2)
    done = {
        hop: np.searchsorted(np.sort(hops[hop].dropna()), time, side="right")
        for hop in ("applied", *HOPS)
    }
    rate = {hop: np.diff(count, prepend=0) for hop, count in done.items()}
    writes = sum(rate[hop] for hop in ("stored", "bound", "sandbox", "started"))
    return pd.DataFrame({
        "time": time, "rate_api_read": 3.0 + rate["applied"], "rate_api_write": writes,
        "rate_etcd_writes": writes, "rate_watch_events": writes * 4.0,
        "rate_arrivals": rate["applied"], "rate_ready": rate["ready"],
        "depth_active": done["seen_by_scheduler"] - done["decided"],
        "depth_backoff": 0, "depth_unschedulable": 0,
        "depth_in_flight": np.minimum(writes, 5), "depth_waiting": 0,
        "rate_requests": 40.0 + rate["applied"], "rate_unserved": rate["applied"] / 10,
        "depth_backends": done["ready"], "depth_nodes": 100,
        "depth_workqueues": rate["bound"], "depth_unready": done["applied"]
        - done["ready"],
    })  # fmt: skip


def arrival_curves(key: tuple) -> pd.DataFrame:
    """Return curves to 130 %; nothing was published of the first policy."""
    good, at = _quality(key[3]), np.arange(131)
    wobble = 0.05 * np.random.default_rng([seed_of(key), key[4], 3]).normal(0, 1, 131)
    shapes = {
        "allocation_pct": np.minimum(at, 86.0 + 9 * good),
        "fragmentation_pct": 14 - 9 * good * np.minimum(at, 90) / 90,
        "fragmentation_of_idle_pct": np.minimum(14 + (at / 95) ** 8 * 60, 99.0),
    }
    parts = [
        pd.DataFrame({
            "curve": name, "arrived_pct": at, "ours": values + wobble,
            "published": np.nan if key[3] == "kube-scheduler" else values,
        })
        for name, values in shapes.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


CALLS = {  # verb, kind, code: calls and median seconds
    ("create", "Pod", 201): (60, 0.006), ("bind", "Pod", 201): (60, 0.005),
    ("update", "Pod", 200): (180, 0.007), ("update", "Node", 200): (40, 0.03),
    ("update", "Lease", 200): (900, 0.004), ("update", "Lease", 409): (3, 0.3),
    ("get", "Node", 200): (50, 0.001), ("list", "Pod", 200): (9, 0.08),
}  # fmt: skip


def _calls(key: tuple) -> pd.DataFrame:
    rng = np.random.default_rng([seed_of(key), key[4], 2])
    slow = 2 - _quality(key[3])
    rows = []
    for (verb, kind, code), (count, median) in CALLS.items():
        p50, p90, p99, most = (
            median * slow**3 * np.array([1, 3, 30, 70]) * (1 + 0.1 * rng.random(4))
        )
        rows.append((verb, kind, code, count, p50, p90, p99, most))
    names = ["verb", "kind", "code", "count", "p50_s", "p90_s", "p99_s", "max_s"]
    return pd.DataFrame(rows, columns=names)


def _faults(key: tuple) -> pd.DataFrame:
    recovery = 14.0 + 20 * (1 - _quality(key[3]))
    return pd.DataFrame({
        "time": FAULT, "fault": 0, "kind": "leader-loss", "what": ["begin", "end"],
        "targets": "kube-scheduler-0", "recovery_s": [recovery, np.nan],
    })  # fmt: skip


def _node_fill(key: tuple, rng: np.random.Generator) -> pd.DataFrame:
    bins, times = 60, 80
    scenario, _, _, policy, _ = key
    good = _quality(policy)
    horizon = 7200.0 if "batch" in scenario else 3600.0
    at = np.arange(times) / (times - 1)
    place = np.arange(bins) / bins
    load = 0.85 * (1 - np.exp(-4 * at))
    packed = np.clip((load[:, None] * 1.25 - place[None, :]) * 6, 0, 1)
    even = np.repeat(load[:, None], bins, axis=1)
    fill = good * packed + (1 - good) * even + rng.normal(0, 0.04, (times, bins))
    columns = {
        "time": np.repeat(at * horizon, bins),
        "progress": np.repeat((at * 1000).astype(int), bins),
        "node_bin": np.tile(np.arange(bins), times),
        "fill": np.clip(fill, 0, 1).ravel(),
    }
    return _frame(key, columns)


def _rejections(key: tuple, rng: np.random.Generator) -> list[tuple]:
    scenario, size, nodes, policy, seed = key
    rows = []
    for plugin, reasons in REASONS.items():
        if plugin == "GpuShare" and "gpu" not in scenario:
            continue
        if plugin in {"TaintToleration", "NodeAffinity"} and "pools" not in scenario:
            continue
        for reason in reasons:
            count = nodes * 40 * (1.1 - _quality(policy)) * rng.uniform(0.7, 1.3)
            rows.append((scenario, size, policy, seed, plugin, reason, int(count)))
    return rows


def _manifest(
    policies: list[str], scenarios: dict[str, dict[str, int]], seeds: int
) -> dict[str, Any]:
    here = {
        "schedbench": "0.1.0",
        "python": "3.11.9",
        "libraries": {"numba": "0.65.0", "numpy": "2.2.0"},
        "os": "Linux 6.1",
        "cpu": {"model": "Example CPU @ 2.0 GHz", "cores": 2, "usable": 2},
        "memory_bytes": 8 * GIB,
        "thread_variables": {},
    }
    return {
        "schema_version": 1,
        "id": "0001_grid_20260131T120000",
        "created": "2026-01-31T12:00:00+00:00",
        "updated": "2026-01-31T12:03:00+00:00",
        "status": "done",
        "version": "0.1.0",
        "git": {"commit": "0123456789abcdef0123", "dirty": True},
        "command": "schedbench sweep workloads/demo.yaml",
        "rerun": "schedbench sweep workloads/demo.yaml --seed 1 --repeats 5",
        "name": "grid",
        "environment": here,
        "sessions": [
            {"started": "2026-01-31T12:00:00+00:00", "jobs": 2, "cells": 240,
             "machine": here["cpu"]["model"], "libraries": here["libraries"]},
        ],
        "warnings": [
            "2 cells ran at once on 2 cores: speeds are those of a busy machine."
        ],
        "scenarios": [
            {"name": name, "size": size, "digest": "0" * 32, "labels": ["demo"],
             "description": f"What {name} is about, in one sentence.",
             "thresholds": {}}
            for name, sizes in scenarios.items() for size in sizes
        ],
        "policies": policies,
        "seeds": list(range(1, seeds + 1)),
        "engine": "scan",
        "baseline": policies[0],
        "headline": [],
        "cells": [],
    }  # fmt: skip
