"""The naive twins against hand-made cases, and what all workloads must keep to."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from naive import cycle, fit, node_affinity, node_ports, node_selectors
from naive.fragmentation import typical_pods
from naive.handmade import Case, asking, make_node, make_pod
from naive.profile import Profile
from naive.quantity import exact, round_up
from naive.replay import bindings, replay
from naive.resources import (
    incoming_scoring_requests,
    placed_scoring_requests,
    pod_requests,
)
from naive.taint_toleration import tolerated

from schedbench.objects import resources as objects
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import NodeSelectorTerm, matches_node_selector_term
from schedbench.objects.taints import Taint, Toleration, tolerates
from schedbench.objects.workload import NodeEvent, PodStream, Workload

GPU_POLICIES = ("BestFit", "DotProd", "GpuPacking", "GpuClustering", "FGD")


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
        (4.0, "EVICT", "n"),
        (4.0, "NODE_REMOVE", "n"),
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


def _requiring(*terms: Case) -> Pod:
    required = {"nodeSelectorTerms": list(terms)}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    return make_pod(affinity={"nodeAffinity": affinity})


@given(strategies.pods())
def test_objects_count_requests_as_the_twin(pod: Pod) -> None:
    """Requests and scoring requests are the twin's, whatever the pod."""
    scored = [
        (one.get("cpu", 0), one.get("memory", 0))
        for one in (incoming_scoring_requests(pod), placed_scoring_requests(pod))
    ]

    assert _nonzero(objects.pod_requests(pod)) == _nonzero(pod_requests(pod))
    assert objects.pod_nonzero_requests(pod) == scored[0]
    assert objects.pod_nonzero_requests(pod, on_node=True) == scored[1]


@given(strategies.nodes(), strategies.node_selector_terms(("node-0", "node-1")))
def test_objects_select_nodes_as_the_twin(node: Node, term: NodeSelectorTerm) -> None:
    """A node selector term matches the nodes the twin says it matches."""
    assert node_selectors.term_matches(term, node) == matches_node_selector_term(
        term, node
    )


@given(strategies.taints(), strategies.tolerations())
def test_objects_tolerate_as_the_twin(taint: Taint, toleration: Toleration) -> None:
    """A toleration matches the taints the twin says it matches."""
    assert tolerated(taint, [toleration]) == tolerates(toleration, taint)


@given(strategies.workloads(gpu=True), st.sampled_from(["", *GPU_POLICIES]))
def test_replay_keeps_its_promises(workload: Workload, policy: str) -> None:
    """Pods are bound while they wait, to nodes that are there and have the room."""
    typical = typical_pods(workload.pods.templates)
    chosen = Profile(weights={policy: 1}, typical=typical) if policy else Profile()
    log = replay(workload, cycle.policy_of(chosen))
    alive = {node.metadata.name: node for node in workload.nodes}
    changed = iter(workload.node_events)
    state: dict[int, str] = {}
    for event in log:
        if event.kind.startswith("NODE"):
            node = next(changed).node
            alive[event.node or ""] = node
        before = state.get(event.pod)
        match event.kind:
            case "ARRIVE":
                assert before is None
                state[event.pod] = "waiting"
            case "BIND":
                assert before == "waiting"
                assert event.node in alive
                state[event.pod] = event.node or ""
            case "EVICT":
                assert before == event.node
                state[event.pod] = "waiting"
            case "FINISH":
                assert before == event.node
                state[event.pod] = "gone"
            case "DELETE":
                assert before in {event.node, "waiting"}
                state[event.pod] = "gone"
            case "NODE_REMOVE":
                del alive[event.node or ""]

    assert [event.time for event in log] == sorted(event.time for event in log)
    assert len(workload.pods) == sum(event.kind == "ARRIVE" for event in log)


def _nonzero(amounts: dict[str, int]) -> dict[str, int]:
    return {name: amount for name, amount in amounts.items() if amount}
