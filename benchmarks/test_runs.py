"""Whole runs: every pod of a workload is decided and the placements are checked."""

from __future__ import annotations

import pytest

from benchmarks.cases import encoded
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay

RUNS = {
    "basic-1000-nodes": (1_000, 10_000, 1),
    "basic-5000-nodes": (5_000, 20_000, 1),
    "50-classes-5000-nodes": (5_000, 20_000, 50),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("policy", ["kube-scheduler", "best-fit"])
@pytest.mark.benchmark(group="run")
def test_run(benchmark, name, policy):
    """Replay a workload by the compiled loop, all nodes evaluated for each pod."""
    nodes, pods, classes = RUNS[name]
    benchmark.extra_info["what"] = (
        f"{policy}: {pods:,} pods of {classes} class(es) on {nodes:,} nodes"
    )
    workload = encoded(nodes, pods, classes)
    replay(workload, make_policy(policy), seed=1)

    record = benchmark.pedantic(
        replay, args=(workload, make_policy(policy)), kwargs={"seed": 1}, rounds=3
    )

    rate = record.wall.decisions / record.wall.schedule_seconds
    benchmark.extra_info["decisions_per_second"] = round(rate)
    assert (record.kind == EventKind.BIND).sum() == pods
    assert record.digest == replay(workload, make_policy(policy), seed=1).digest


@pytest.mark.benchmark(group="run")
def test_scheduling_basic_floor(benchmark):
    """SchedulingBasic on 5,000 nodes, all evaluated, does 20,000 decisions/s or more.

    The floor is asserted when benchmarks are enabled: it needs a quiet machine.
    """
    benchmark.extra_info["what"] = "SchedulingBasic/5000Nodes_50000Pods, kube-scheduler"
    workload = encoded(5_000, 55_000, 1)
    replay(encoded(10, 10, 1), make_policy("kube-scheduler"), seed=1)

    record = benchmark.pedantic(
        replay, args=(workload, make_policy("kube-scheduler")), kwargs={"seed": 1}
    )

    rate = record.wall.decisions / record.wall.schedule_seconds
    benchmark.extra_info["decisions_per_second"] = round(rate)
    assert (record.kind == EventKind.BIND).sum() == 55_000
    if benchmark.enabled:
        assert rate >= 20_000
