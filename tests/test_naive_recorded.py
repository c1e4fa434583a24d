"""The naive twins against what kube-scheduler and the GPU simulator really did."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest
from naive import cycle, gpu
from naive.fragmentation import Measure, typical_pods
from naive.handmade import Case, asking, make_node, make_pod
from naive.placed import Placed
from naive.profile import Profile, from_configuration

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

GPU_POLICIES = ("BestFit", "DotProd", "GpuPacking", "GpuClustering", "FGD")
PLUGINS = (
    "TaintToleration",
    "NodeAffinity",
    "NodeResourcesFit",
    "NodeResourcesBalancedAllocation",
)


@pytest.mark.parametrize(
    "group", ["resources", "strategies", "nodeaffinity", "taints", "ports"]
)
def test_cycle_equals_recorded_decisions(shared: Path, group: str) -> None:
    """Feasible nodes, reasons and scores are those of the real kube-scheduler."""
    for case, pod, placed, expected in _recorded(shared, group):
        nodes = case["nodes"]
        profile = case["profiles"][pod.spec.scheduler_name or "default-scheduler"]
        decision = cycle.schedule(pod, nodes, placed, profile)
        scores = expected.get("scores") or {}

        assert decision.feasible == expected["feasible"], case["id"]
        assert _refusals(decision) == expected.get("infeasible", {}), case["id"]
        for plugin in PLUGINS:
            assert decision.scores.get(plugin) == scores.get(plugin), case["id"]


@pytest.mark.parametrize("group", ["images", "interpod", "spread", "volumes", "mixed"])
def test_plugins_equal_recorded_ones_beside_others(shared: Path, group: str) -> None:
    """Beside plugins without a twin, verdicts and scores are the recorded ones."""
    for case, pod, placed, expected in islice(_recorded(shared, group), 600):
        refused = expected.get("infeasible") or {}
        if expected.get("preFilterMessage") or expected.get("nominatedShortcut"):
            continue
        profile = case["profiles"][pod.spec.scheduler_name or "default-scheduler"]
        decision = cycle.schedule(pod, case["nodes"], placed, profile)
        known = {name: v for name, v in refused.items() if v["plugin"] in KNOWN}
        by_name = {node.metadata.name: node for node in case["nodes"]}
        feasible = [by_name[name] for name in expected["feasible"]]

        assert _refusals(decision) == known, case["id"]
        for plugin, scores in (expected.get("scores") or {}).items():
            if plugin in PLUGINS:
                mine = cycle.normalized(plugin, pod, feasible, placed, profile)
                weight = profile.weights[plugin]
                weighted = [weight * score for score in mine or []]
                assert weighted == list(map(scores.get, expected["feasible"]))


KNOWN = {*Profile().filters, ""}


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


def _refusals(decision: cycle.Decision) -> dict[str, Case]:
    codes = {False: "Unschedulable", True: "UnschedulableAndUnresolvable"}
    return {
        node: {
            "plugin": plugin,
            "code": codes[reasons.unresolvable],
            "reasons": sorted(reasons),
        }
        for node, (plugin, reasons) in decision.infeasible.items()
    }


def _recorded(
    shared: Path, group: str
) -> Iterator[tuple[Case, Pod, dict[str, list[Placed]], Case]]:
    """Return case, pod, what is placed before it and what was decided, pod by pod."""
    path = shared / "conformance" / "kube-scheduler-v1.34.1" / f"{group}.jsonl.gz"
    with gzip.open(path, "rt") as file:
        for line in file:
            recorded = json.loads(line)
            if any("preemption" in one for one in recorded["expected"]):
                continue
            case = recorded["case"]
            case["nodes"] = msgspec.convert(case["nodes"], list[Node])
            case["profiles"] = from_configuration(case["config"])
            placed: dict[str, list[Placed]] = defaultdict(list)
            for pod in msgspec.convert(case["bound"], list[Pod]):
                if pod.status.phase not in {"Succeeded", "Failed"}:
                    placed[pod.spec.node_name or ""].append(Placed(pod))
            pending = msgspec.convert(case["pending"], list[Pod])
            for pod, expected in zip(pending, recorded["expected"], strict=True):
                if not {"gated", "skipped", "error"} & {
                    k for k in expected if expected[k]
                }:
                    yield case, pod, placed, expected
                if expected.get("chosen") and not expected.get("reserveError"):
                    placed[expected["chosen"]].append(Placed(pod))


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
