"""GPU policies on the real openb trace against recorded complete runs."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from schedbench.cluster.encode import encode
from schedbench.metrics.fragmentation import fragments
from schedbench.metrics.timeline import Timeline
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay
from schedbench.sources.traces.openb import load_openb

POLICIES = {
    "fgd": "FGD",
    "gpu-best-fit": "BestFit",
    "gpu-clustering": "GpuClustering",
    "gpu-dot-product": "DotProd",
    "gpu-packing": "GpuPacking",
}
RUNS = [
    *(("default", policy, 10_866) for policy in POLICIES),
    ("gpuspec10", "fgd", 10_866),
    ("multigpu20", "fgd", 9_456),
]
FINAL_USED = {
    "FGD": 5_919_410,
    "BestFit": 5_785_450,
    "GpuPacking": 5_688_580,
    "GpuClustering": 5_686_120,
    "DotProd": 5_624_470,
}


@functools.cache
def encoded_openb(data, trace):
    """Encode a trace of seed 42, once for all policies."""
    return encode(load_openb(data, trace, 42))


@functools.cache
def run_and_oracle(data, trace, policy):
    """Play a trace, and read what the recorded run did."""
    encoded = encoded_openb(data, trace)
    record = replay(encoded, make_policy(policy), seed=42)
    oracle = pd.read_csv(
        data / "placements" / f"{trace}.{POLICIES[policy]}.s42.csv.gz",
        dtype={"node": str, "gpus": str},
        keep_default_na=False,
    )
    return Timeline(encoded, record), oracle


@pytest.fixture
def openb(shared):
    """The folder of the real trace."""
    return shared / "traces" / "openb"


@pytest.mark.parametrize(("trace", "policy", "arrivals"), RUNS)
def test_placements_equal_the_recorded_run(openb, trace, policy, arrivals):
    """Node and GPU devices are equal at each arrival."""
    timeline, oracle = run_and_oracle(openb, trace, policy)
    encoded, record = timeline.encoded, timeline.record

    placed = dict.fromkeys(range(len(encoded.workload.pods)), ("", ""))
    for kind, pod, node, devices in zip(
        record.kind, record.pod, record.node, record.devices, strict=True
    ):
        if kind == EventKind.BIND:
            indices = [str(d) for d in range(63) if int(devices) >> d & 1]
            suffix = encoded.node_names[node].rsplit("-", 1)[-1]
            placed[int(pod)] = (suffix, "-".join(indices))

    assert arrivals == len(oracle)
    assert list(placed.values()) == list(zip(oracle.node, oracle.gpus, strict=True))


@pytest.mark.parametrize(("trace", "policy", "arrivals"), RUNS)
def test_amounts_equal_the_recorded_run(openb, trace, policy, arrivals):
    """Allocated GPU and fragmentation are equal after each arrival, as printed."""
    timeline, oracle = run_and_oracle(openb, trace, policy)
    after = timeline.decided + 1
    used = np.rint(timeline.total(timeline.states.gpu_used)[after]).astype(int)
    apart = np.abs(fragments(timeline)[after] - oracle.frag.to_numpy())

    assert arrivals == len(after)
    assert used.tolist() == oracle.used.tolist()
    assert apart.max() <= 0.00501
    if trace == "default":
        assert used[-1] == FINAL_USED[POLICIES[policy]]
