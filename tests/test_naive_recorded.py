"""The naive twins against what kube-scheduler and the GPU simulator really did."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from naive import cycle, gpu
from naive.fragmentation import Measure, typical_pods
from naive.handmade import asking, make_node, make_pod
from naive.placed import Placed
from naive.profile import Profile
from naive.recorded import play

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

GPU_POLICIES = ("BestFit", "DotProd", "GpuPacking", "GpuClustering", "FGD")
PODS = {
    "resources": 783,
    "strategies": 763,
    "nodeaffinity": 684,
    "taints": 645,
    "ports": 638,
    "interpod": 1072,
    "spread": 985,
    "images": 523,
    "volumes": 696,
    "preemption": 752,
    "preemptmix": 611,
    "mixed": 628,
    "churn": 1343,
    "gates": 90,
}
"""Pods that are compared, by group: all of them, but a quarter of `mixed`'s cases."""
ALL_MIXED = 3399


@pytest.mark.parametrize("group", PODS)
def test_plays_equal_recorded_ones(shared: Path, group: str) -> None:
    """Every word of what the real kube-scheduler decided is the twins' own.

    Feasible nodes, reasons, scores, totals, choices, texts, gates, victims, candidates
    and retries; nothing of a case is told to the twins but the case.
    """
    assert _compared(shared, group, every=4 if group == "mixed" else 1) == PODS[group]


@pytest.mark.deep
def test_plays_of_all_mixtures_equal_recorded_ones(shared: Path) -> None:
    """The same for every case of the largest group."""
    assert _compared(shared, "mixed", every=1) == ALL_MIXED


def _compared(shared: Path, group: str, every: int) -> int:
    """Compare each pod of every so manieth case and return how many there were."""
    path = shared / "conformance" / "kube-scheduler-v1.34.1" / f"{group}.jsonl.gz"
    compared = 0
    with gzip.open(path, "rt") as file:
        for line in islice(file, 0, None, every):
            record = json.loads(line)
            told = play(record["case"])
            for mine, theirs in zip(told, record["expected"], strict=True):
                compared += 1

                assert mine == theirs, record["case"]["id"]

    return compared


@pytest.mark.parametrize("policy", GPU_POLICIES)
def test_gpu_policies_equal_the_simulator_step_by_step(
    shared: Path, policy: str
) -> None:
    """Node, devices and fragmentation equal the published simulator's, pod by pod."""
    openb = shared / "traces" / "openb"
    nodes, pods = _openb_nodes(openb), _openb_pods(openb)
    typical = typical_pods(pods)
    measure = Measure(typical)
    profile = Profile(weights={policy: 1}, typical=typical)
    placed: dict[str, list[Placed]] = defaultdict(list)
    by_name = {node.metadata.name: node for node in nodes}
    total = sum(measure.of(gpu.view(node, [])) for node in nodes)
    with gzip.open(openb / "placements" / f"default.{policy}.s42.csv.gz", "rt") as file:
        for row in islice(csv.DictReader(file), 60):
            pod = pods[int(row["pod"][-4:])]
            decision = cycle.schedule(pod, nodes, placed, profile)
            name = decision.best[0]
            before = measure.of(gpu.view(by_name[name], placed[name]))
            placed[name].append(Placed(pod, decision.devices))
            total += measure.of(gpu.view(by_name[name], placed[name])) - before

            assert name[-4:] == row["node"], row["seq"]
            assert "-".join(map(str, decision.devices)) == row["gpus"], row["seq"]
            assert total == pytest.approx(float(row["frag"]), abs=0.006)


def test_typical_pods_equal_the_simulator(shared: Path) -> None:
    """The target workload of openb is the simulator's, popularity to the last bit."""
    openb = shared / "traces" / "openb"
    with (openb / "typical_pods" / "typical_default.csv").open() as file:
        expected = [
            (
                gpu.Demand(
                    int(row["cpu_milli"]),
                    int(row["num_gpu"]),
                    int(row["gpu_milli"]),
                    frozenset(filter(None, row["gpu_spec"].split("|"))),
                ),
                float(row["popularity"]),
            )
            for row in csv.DictReader(file)
        ]

    assert expected == typical_pods(_openb_pods(openb))


def _openb_nodes(openb: Path) -> list[Node]:
    """Return the GPU nodes in the order of their rank at seed 42."""
    with np.load(openb / "arrival" / "node_rank_default.npz") as ranks:
        rank = ranks["s42"]
    with (openb / "nodes" / "openb_node_list_gpu_node.csv").open() as file:
        rows = list(csv.DictReader(file))
    nodes = [
        make_node(
            row["sn"],
            cpu=f"{row['cpu_milli']}m",
            memory=f"{row['memory_mib']}Mi",
            labels={gpu.MODEL: row["model"]},
            extra={gpu.COUNT: row["gpu"], "pods": "1001"},
        )
        for row in rows
    ]
    return [nodes[i] for i in np.argsort(rank)]


def _openb_pods(openb: Path) -> list[Pod]:
    """Return the pods of the default list, in its order."""
    with (openb / "pods" / "openb_pod_list_default.csv").open() as file:
        return [_openb_pod(row) for row in csv.DictReader(file)]


def _openb_pod(row: dict[str, str]) -> Pod:
    notes = {
        gpu.COUNT: row["num_gpu"],
        gpu.MILLI: row["gpu_milli"],
        gpu.MODEL: row["gpu_spec"],
    }
    asked = asking(f"{row['cpu_milli']}m", f"{row['memory_mib']}Mi")
    return make_pod(row["name"], annotations=notes, containers=[asked])
