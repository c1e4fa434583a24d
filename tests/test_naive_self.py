"""The naive twins against hand-made cases and recorded decisions of the real things."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from naive import cycle, fit, gpu, node_affinity, node_ports, node_selectors
from naive.fragmentation import Measure, typical_pods
from naive.placed import Placed
from naive.profile import Profile, from_configuration
from naive.quantity import exact, round_up
from naive.replay import bindings, replay
from naive.resources import (
    incoming_scoring_requests,
    placed_scoring_requests,
    pod_requests,
)
from naive.taint_toleration import tolerated

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import NodeSelectorTerm
from schedbench.objects.taints import Taint, Toleration
from schedbench.objects.workload import NodeEvent, PodStream, Workload

Case = dict[str, Any]


def make_pod(name: str = "pod", /, **spec: Any) -> Pod:
    """Make a pod from a spec as in a manifest."""
    annotations = spec.pop("annotations", {})
    meta = {"name": name, "namespace": "default", "annotations": annotations}
    return msgspec.convert({"metadata": meta, "spec": spec}, Pod)


def asking(cpu: str | None = None, memory: str | None = None, **more: str) -> Case:
    """Make a container that asks for resources."""
    asked = {"cpu": cpu, "memory": memory, **more}
    return {
        "resources": {"requests": {k: v for k, v in asked.items() if v is not None}}
    }


def make_node(name: str, /, cpu: str = "4", memory: str = "8Gi", **more: Any) -> Node:
    """Make a node with some resources and labels."""
    sizes = {"cpu": cpu, "memory": memory, "pods": "110", **more.pop("extra", {})}
    meta = {"name": name, "labels": more.pop("labels", {})}
    document = {"metadata": meta, "status": {"allocatable": sizes}, "spec": more}
    return msgspec.convert(document, Node)


@pytest.mark.parametrize(
    ("quantity", "milli"),
    [
        pytest.param("1500m", 1500, id="milli"),
        pytest.param("1.5", 1500, id="decimal point"),
        pytest.param(2, 2000, id="integer"),
        pytest.param(0.1, 100, id="float"),
        pytest.param("1e3", 1_000_000, id="exponent"),
        pytest.param("1E", 10**21, id="exa is not an exponent"),
        pytest.param("100u", 1, id="rounded up"),
        pytest.param("1Ki", 1_024_000, id="binary"),
        pytest.param(".5", 500, id="no digit before the point"),
        pytest.param("0.1n", 1, id="nothing is smaller than a nano"),
    ],
)
def test_quantities_are_exact_and_round_up(quantity: str, milli: int) -> None:
    """A quantity's value is exact, and rounds up to the unit."""
    assert milli == round_up(exact(quantity) * 1000)


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        pytest.param(
            {"containers": [asking("1"), asking("2")]}, 3000, id="containers add up"
        ),
        pytest.param(
            {"containers": [asking("1")], "initContainers": [asking("5")]},
            5000,
            id="init container is max, not sum",
        ),
        pytest.param(
            {
                "containers": [asking("1")],
                "initContainers": [
                    asking("2") | {"restartPolicy": "Always"},
                    asking("4"),
                ],
            },
            6000,
            id="init container runs beside earlier sidecars",
        ),
        pytest.param(
            {
                "containers": [asking("3")],
                "initContainers": [
                    asking("4"),
                    asking("2") | {"restartPolicy": "Always"},
                ],
            },
            5000,
            id="sidecars add to containers",
        ),
        pytest.param(
            {"containers": [asking("1")], "overhead": {"cpu": "250m"}},
            1250,
            id="overhead comes on top",
        ),
        pytest.param(
            {"containers": [{"resources": {"limits": {"cpu": "2"}}}]},
            2000,
            id="limit stands in for an absent request",
        ),
        pytest.param(
            {
                "containers": [asking("1")],
                "resources": {"requests": {"cpu": "3"}},
                "overhead": {"cpu": "1"},
            },
            4000,
            id="pod-level request replaces the sum",
        ),
    ],
)
def test_pod_request_is_the_largest_moment(spec: Case, cpu: int) -> None:
    """A pod takes what it needs at its largest moment."""
    assert cpu == pod_requests(make_pod(**spec))["cpu"]


def test_scoring_counts_containers_that_ask_for_nothing() -> None:
    """An absent request counts 100m and 200 MiB in scoring; an explicit 0 is 0."""
    pod = make_pod(containers=[asking(), asking("0", "0"), asking("1")])

    expected = {"cpu": 1100, "memory": 2 * 209715200}
    assert expected == incoming_scoring_requests(pod) == placed_scoring_requests(pod)


def test_pod_level_requests_are_scored_only_once_placed() -> None:
    """Scoring overlooks pod-level requests of the pod that is being scheduled."""
    pod = make_pod(containers=[asking("1")], resources={"requests": {"cpu": "3"}})

    assert incoming_scoring_requests(pod)["cpu"] == 1000
    assert placed_scoring_requests(pod)["cpu"] == 3000


@pytest.mark.parametrize(
    ("operator", "values", "labels", "matches"),
    [
        ("In", ["a", "b"], {"key": "b"}, True),
        ("In", ["a"], {}, False),
        ("NotIn", ["a"], {}, True),
        ("NotIn", ["a"], {"key": "a"}, False),
        ("Exists", [], {"key": ""}, True),
        ("DoesNotExist", [], {"key": ""}, False),
        ("Gt", ["3"], {"key": "4"}, True),
        ("Gt", ["3"], {"key": "3"}, False),
        ("Lt", ["3"], {"key": "-1"}, True),
        ("Lt", ["3"], {"key": "two"}, False),
        ("Gt", ["3"], {"key": str(2**63)}, False),
    ],
)
def test_node_selector_operators(
    operator: str, values: list[str], labels: dict[str, str], matches: bool
) -> None:
    """Each operator of a node selector means what the documentation says."""
    condition = {"key": "key", "operator": operator, "values": values}
    term = msgspec.convert({"matchExpressions": [condition]}, NodeSelectorTerm)

    assert matches == node_selectors.term_matches(term, make_node("n", labels=labels))


def test_empty_terms_match_nothing() -> None:
    """A term without conditions matches no node."""
    assert not node_selectors.term_matches(NodeSelectorTerm(), make_node("n"))


def test_terms_name_nodes_only_if_every_one_does() -> None:
    """One term without a node name leaves all nodes in question."""
    field = {"key": "metadata.name", "operator": "In", "values": ["n"]}
    label = {"key": "disk", "operator": "Exists"}
    named, free = {"matchFields": [field]}, {"matchExpressions": [label]}

    assert {"n"} == node_affinity.named_nodes(_requiring(named))
    assert node_affinity.named_nodes(_requiring(named, free)) is None


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (Toleration(operator="Exists"), True),
        (Toleration(key="k", value="v"), True),
        (Toleration(key="k", value="w"), False),
        (Toleration(key="k", operator="Exists", effect="NoExecute"), False),
        (Toleration(key="k", operator="Exists", effect="NoSchedule"), True),
        (Toleration(value="v"), True),
    ],
)
def test_tolerations(toleration: Toleration, expected: bool) -> None:
    """A toleration's absent parts match everything."""
    taint = Taint(key="k", value="v", effect="NoSchedule")

    assert expected == tolerated(taint, [toleration])


@pytest.mark.parametrize(
    ("mine", "theirs", "conflict"),
    [
        ({"hostPort": 80}, {"hostPort": 80}, True),
        ({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, False),
        ({"hostPort": 80, "hostIP": "10.0.0.1"}, {"hostPort": 80}, True),
        (
            {"hostPort": 80, "hostIP": "10.0.0.1"},
            {"hostPort": 80, "hostIP": "10.0.0.2"},
            False,
        ),
        ({"containerPort": 80}, {"hostPort": 80}, False),
    ],
)
def test_host_ports(mine: Case, theirs: Case, conflict: bool) -> None:
    """Host ports conflict by number, protocol and address; 0.0.0.0 is every address."""
    pod, other = (make_pod(containers=[{"ports": [port]}]) for port in (mine, theirs))

    assert conflict == bool(node_ports.check(pod, make_node("n"), [other]))


def test_fit_names_everything_that_lacks() -> None:
    """All that is insufficient is listed; beyond the whole node it is unresolvable."""
    node = make_node("n", cpu="1", extra={"pods": "1"})
    pod = make_pod(containers=[asking("500m", "9Gi", **{"example.com/fpga": "1"})])
    verdict = fit.check(pod, node, [make_pod(containers=[asking("600m")])])

    lacks = ["cpu", "memory", "example.com/fpga"]
    assert verdict == ["Too many pods", *(f"Insufficient {name}" for name in lacks)]
    assert verdict.unresolvable


def test_broken_line_truncates_toward_zero() -> None:
    """Interpolation between shape points truncates toward zero, falling lines too."""
    assert fit.broken_line(((0, 100), (100, 0)), 33) == 67
    assert fit.broken_line(((0, 10), (3, 0)), 1) == 7
    assert fit.broken_line(((10, 50), (20, 0)), 5) == 50


def test_default_scores_by_hand() -> None:
    """Half a node's cpu and a quarter of its memory score as computed by hand."""
    nodes = [make_node("a"), make_node("b", cpu="8")]
    decision = cycle.schedule(make_pod(containers=[asking("2", "2Gi")]), nodes, {})

    assert decision.scores["NodeResourcesFit"] == {"a": 62, "b": 75}
    assert decision.scores["NodeResourcesBalancedAllocation"] == {"a": 87, "b": 100}
    assert decision.scores["TaintToleration"] == {"a": 300, "b": 300}
    assert "NodeAffinity" not in decision.scores
    assert decision.best == ["b"]


def test_a_single_feasible_node_is_not_scored() -> None:
    """One feasible node is taken without scores."""
    nodes = [make_node("a", cpu="1"), make_node("b")]
    decision = cycle.schedule(make_pod(containers=[asking("2")]), nodes, {})

    assert (decision.best, decision.scores) == (["b"], {})
    assert decision.infeasible["a"] == ("NodeResourcesFit", ["Insufficient cpu"])


def test_waiting_pods_are_tried_by_priority_when_room_returns() -> None:
    """A departure wakes the waiting, the most important first; an arrival does not."""
    low, high = (make_pod(containers=[asking("3")], priority=p) for p in (0, 5))
    small = make_pod(containers=[asking("1")])
    stream = PodStream.of(
        [low, low, high, small],
        arrival=np.array([0.0, 1.0, 2.0, 3.0]),
        duration=np.array([10.0, 5.0, 5.0, 1.0]),
    )
    log = replay(Workload("w", [make_node("n")], stream), cycle.policy_of())

    binds = [(e.time, e.pod) for e in log if e.kind == "BIND"]
    assert binds == [(0.0, 0), (3.0, 3), (10.0, 2), (15.0, 1)]
    assert [e.pod for e in log if e.kind == "UNSCHEDULABLE"] == [1, 2]


def test_evicted_pods_run_their_whole_duration_again() -> None:
    """A pod that loses its node waits, and starts afresh on the next."""
    stream = PodStream.of([make_pod(containers=[asking("3")])], duration=10.0)
    events = [
        NodeEvent(4.0, "remove", make_node("n")),
        NodeEvent(6.0, "add", make_node("m")),
    ]
    workload = Workload("w", [make_node("n")], stream, node_events=events)

    expected = [
        (0.0, "ARRIVE", None),
        (0.0, "BIND", "n"),
        (4.0, "NODE_REMOVE", "n"),
        (4.0, "EVICT", "n"),
        (4.0, "UNSCHEDULABLE", None),
        (6.0, "NODE_ADD", "m"),
        (6.0, "BIND", "m"),
        (16.0, "FINISH", "m"),
    ]
    log = replay(workload, cycle.policy_of())
    assert expected == [(e.time, e.kind, e.node) for e in log]


def test_deletion_removes_a_pod_wherever_it_is() -> None:
    """A waiting pod that is deleted is never bound."""
    pod = make_pod(containers=[asking("3")])
    stream = PodStream.of([pod, pod], duration=10.0, deletion=np.array([np.inf, 5.0]))
    log = replay(Workload("w", [make_node("n")], stream), cycle.policy_of())

    assert list(bindings(log)) == [(0, "n", ())]
    assert [(e.time, e.pod, e.node) for e in log if e.kind == "DELETE"] == [
        (5.0, 1, None)
    ]


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


@pytest.mark.parametrize(
    "policy", ["BestFit", "DotProd", "GpuPacking", "GpuClustering", "FGD"]
)
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


def _requiring(*terms: Case) -> Pod:
    required = {"nodeSelectorTerms": list(terms)}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return make_pod(affinity={"nodeAffinity": affinity})


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
