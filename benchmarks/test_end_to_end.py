"""Whole clusters from apply to ready: etcd, API servers, scheduler, kubelets, proxies.

In the tests, where benchmarks are disabled, the clusters are a fiftieth of their size.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import make_node, make_pod
from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.end_to_end import Told, end_to_end
from schedbench.simulation.full_nodes import full_nodes
from schedbench.simulation.timeline import HOPS

RUNS = {
    "1000-nodes": (1_000, 10_000, 200.0),
    "5000-nodes": (5_000, 50_000, 1_000.0),
}
"""Nodes, pods, and pods applied a second."""
CALLS = 5_000
"""The scheduler's qps and burst: client limits are not what is measured."""
HOUR = 3_600.0
SMALLER = 50
_PROCESS = Path("/proc/self")


def run(nodes: int, arrival: np.ndarray, quiet: float = 60.0) -> Told:
    """Play pods of one class on full nodes, with the latencies of all components."""
    pod = make_pod()
    pod.metadata.name, pod.metadata.generate_name = "", "web-"
    pod.spec.containers[0].image = "web:1"
    stream = PodStream.of([pod], [0] * len(arrival), arrival=arrival)
    made = [make_node(index) for index in range(nodes)]
    workload = Workload("end-to-end", made, stream, queue="kube-scheduler")
    defaults = Parameters()
    scheduler = dataclasses.replace(defaults.scheduler, qps=CALLS, burst=CALLS)
    return end_to_end(
        encode(workload),
        make_policy("kube-scheduler"),
        seed=1,
        parameters=dataclasses.replace(defaults, scheduler=scheduler),
        components=full_nodes(),
        quiet=quiet,
    )


def measured(benchmark, *arguments: object) -> Told:
    """Run once, and note the clock's events a second and the peak memory."""
    run(10, np.zeros(10))
    if benchmark.enabled and (_PROCESS / "clear_refs").exists():
        (_PROCESS / "clear_refs").write_text("5")  # the peak begins anew
    rounds = 3 if arguments[0] <= 1_000 else 1
    told = benchmark.pedantic(run, args=arguments, rounds=rounds)
    if benchmark.enabled:
        rate = told.events / benchmark.stats.stats.median
        benchmark.extra_info["events_per_second"] = round(rate)
        if (_PROCESS / "status").exists():
            status = (_PROCESS / "status").read_text()
            peak = status.partition("VmHWM:")[2].split()[0]
            benchmark.extra_info["peak_rss_bytes"] = int(peak) * 1024
    return told


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.benchmark(group="end-to-end")
def test_from_apply_to_ready(benchmark, name):
    """Every pod becomes ready, and every hop of its way is stamped, in causal order."""
    nodes, pods, rate = RUNS[name]
    what = f"end to end: {pods:,} pods from apply to ready on {nodes:,} full nodes"
    benchmark.extra_info["what"] = what
    if not benchmark.enabled:
        nodes, pods = nodes // SMALLER, pods // SMALLER

    told = measured(benchmark, nodes, np.arange(pods) / rate)

    hops = told.timelines.first()[:, : HOPS.index("ready") + 1]
    assert hops.shape == (pods, HOPS.index("ready") + 1)
    assert np.isfinite(hops).all()
    assert told.timelines.disorder() == []


@pytest.mark.benchmark(group="end-to-end")
def test_quiet_hour(benchmark):
    """After an hour in which nothing happens a pod becomes ready in seconds."""
    nodes = 5_000
    benchmark.extra_info["what"] = f"end to end: a quiet hour of {nodes:,} full nodes"
    if not benchmark.enabled:
        nodes //= SMALLER

    told = measured(benchmark, nodes, np.array([HOUR]), math.inf)

    (ready,) = told.timelines.first()[:, HOPS.index("ready")]
    assert HOUR < ready < HOUR + 10
    assert told.events < 20 * nodes
