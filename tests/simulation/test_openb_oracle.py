"""GPU policies on the real openb trace against recorded complete runs."""

from __future__ import annotations

import functools

import pandas as pd
import pytest

from schedbench.cluster.encode import encode
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay
from schedbench.sources.traces.openb import load_openb

POLICIES = {
    "gpu-best-fit": "BestFit",
    "gpu-dot-product": "DotProd",
    "gpu-packing": "GpuPacking",
}
FINAL_USED = {"BestFit": 5_785_450, "DotProd": 5_624_470, "GpuPacking": 5_688_580}


@functools.cache
def encoded_openb(data):
    """Encode the default trace of seed 42, once for all policies."""
    return encode(load_openb(data, "default", 42))


@pytest.mark.parametrize("policy", POLICIES)
def test_placements_equal_the_recorded_run(shared, policy):
    """Node and GPU devices are equal at each of the 10,866 arrivals."""
    data = shared / "traces" / "openb"
    name = POLICIES[policy]
    oracle = pd.read_csv(
        data / "placements" / f"default.{name}.s42.csv.gz",
        dtype={"node": str, "gpus": str},
        keep_default_na=False,
    )
    encoded = encoded_openb(data)

    record = replay(encoded, make_policy(policy), seed=42)

    placed = dict.fromkeys(range(len(encoded.workload.pods)), ("", ""))
    for kind, pod, node, devices in zip(
        record.kind, record.pod, record.node, record.devices, strict=True
    ):
        if kind == EventKind.BIND:
            indices = [str(d) for d in range(63) if int(devices) >> d & 1]
            suffix = encoded.node_names[node].rsplit("-", 1)[-1]
            placed[int(pod)] = (suffix, "-".join(indices))
    assert len(oracle) == 10_866
    assert list(placed.values()) == list(zip(oracle.node, oracle.gpus, strict=True))
    assert oracle.used.iloc[-1] == FINAL_USED[name]
