"""A scenario's pods as cases: all of them in order, on the cluster as it is by then."""

from __future__ import annotations

import numpy as np

from schedbench.experiment.check_workloads import make_node, make_pod
from schedbench.experiment.conformance.cases import decode_case
from schedbench.experiment.conformance.drive import attempts
from schedbench.experiment.verify.scenarios import PODS_A_CASE, scenario_cases
from schedbench.objects.workload import NodeEvent, PodStream, Workload


def workload(pods: int, nodes: int = 3, **columns: object) -> Workload:
    """Return a workload of equal pods on equal nodes."""
    stream = PodStream.of(
        [make_pod("p", cpu="1", memory="1Gi")], np.zeros(pods, np.int32), **columns
    )
    made = [make_node(f"n{i}", cpu="8", memory="8Gi") for i in range(nodes)]
    return Workload("toy/small", made, stream)


def pods_of(case: dict, field: str) -> list[str]:
    """Return the names of a case's pods."""
    return [pod["metadata"]["name"] for pod in case[field]]


def test_the_first_pods_are_decided_in_order() -> None:
    """As many as are asked for, some a case, each case after the one before it."""
    found = list(scenario_cases(workload(60, nodes=9), "toy/small-1", 55))
    tried = [name for case in found for name in pods_of(case, "pending")]

    assert tried == [f"p-{i}" for i in range(55)]
    assert [len(case["pending"]) for case in found] == [PODS_A_CASE, PODS_A_CASE, 5]
    assert [case["id"] for case in found] == [f"toy/small-1-{i}" for i in range(3)]
    assert {case["group"] for case in found} == {"toy-small"}


def test_a_case_begins_where_our_decisions_led() -> None:
    """Bound pods are those placed before, on their nodes; what fits nowhere is not."""
    found = list(scenario_cases(workload(30), "toy", 30))
    first = decode_case(found[0], [{}] * PODS_A_CASE)
    chosen = {
        each.decision["pod"].split("/")[1]: each.decision.get("chosen")
        for each in attempts(first, "explain")
    }
    bound = {p["metadata"]["name"]: p["spec"]["nodeName"] for p in found[1]["bound"]}
    starts = [pod["status"]["startTime"] for pod in found[1]["bound"]]

    assert bound == {name: node for name, node in chosen.items() if node}
    assert len(bound) == 24
    assert starts == sorted(set(starts))


def test_pods_that_end_leave_before_the_next_arrives() -> None:
    """Within a case by an event, between cases by no longer being bound."""
    times = np.arange(30, dtype=np.float64)
    found = list(scenario_cases(workload(30, arrival=times, duration=2.0), "toy", 30))
    events = found[0]["events"]

    assert events[0] == {"before": 2, "op": "deletePod", "pod": "default/p-0"}
    assert len(events) == PODS_A_CASE - 2
    assert pods_of(found[1], "bound") == ["p-24"]


def test_nodes_that_change_start_another_case() -> None:
    """A node that leaves takes its pods along; one that comes is behind the others."""
    events = [
        NodeEvent(1.5, "remove", make_node("n0", cpu="8", memory="8Gi")),
        NodeEvent(1.5, "add", make_node("n9", cpu="8", memory="8Gi")),
    ]
    times = np.arange(4, dtype=np.float64)
    given = workload(4, arrival=times)
    given = Workload(given.name, given.nodes, given.pods, node_events=events)
    first, second = scenario_cases(given, "toy", 4)

    assert pods_of(first, "pending") == ["p-0", "p-1"]
    assert pods_of(second, "nodes") == ["n1", "n2", "n9"]
    assert all(pod["spec"]["nodeName"] != "n0" for pod in second["bound"])
    assert len(second["bound"]) == 1


def test_pods_that_come_bound_are_not_tried() -> None:
    """They are on their node from the case on in which they arrive."""
    node = np.array([1, -1, -1], np.int32)
    (case,) = scenario_cases(workload(3, node=node), "toy", 10)

    assert pods_of(case, "bound") == ["p-0"]
    assert case["bound"][0]["spec"]["nodeName"] == "n1"
    assert pods_of(case, "pending") == ["p-1", "p-2"]
