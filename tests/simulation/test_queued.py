"""Who waits in the scheduling queue, for what, and for how long."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from naive.queue_objects import pod as queue_pod
from queued_sentences import ZONE, node, pod, record_of, told, workload

from schedbench.errors import NotModelledError
from schedbench.objects.workload import NodeEvent, PodUpdate
from schedbench.policies.registry import make_policy
from schedbench.simulation.queued import run as queued_run
from schedbench.simulation.record import EventKind


def test_a_gated_pod_waits_until_its_last_gate_is_gone() -> None:
    """It is not tried while it has a gate, and at once when it has none."""
    gates = [{"name": "one"}, {"name": "two"}]
    versions = [pod(schedulingGates=gates[n:]) for n in range(3)]
    given = workload(
        [node("a")],
        versions,
        0.0,
        template=[0],
        pod_updates=[PodUpdate(2.0, 0, 1), PodUpdate(7.0, 0, 2)],
    )

    assert told(given) == [(7.0, "BIND", 0, "a")]


def test_a_gated_pod_that_stays_gated_does_not_keep_the_run_going() -> None:
    """A run ends while pods are still gated."""
    given = workload([node("a")], [pod(schedulingGates=[{"name": "wait"}])])

    assert told(given) == []


def test_only_events_that_can_help_get_a_pod_tried() -> None:
    """A pod that wants a labelled node is tried when it comes, not at other changes."""
    given = workload(
        [node("a", "4")],
        [pod(nodeSelector={ZONE: "z"}), pod()],
        *(0.0, 1.0),
        duration=np.array([np.inf, 8.0]),
        node_events=[
            NodeEvent(20.0, "add", node("b", "4", **{ZONE: "y"})),
            NodeEvent(30.0, "add", node("c", "4", **{ZONE: "z"})),
        ],
    )

    assert [one for one in told(given) if one[2] == 0] == [
        (0.0, "UNSCHEDULABLE", 0, None),
        (30.0, "BIND", 0, "c"),
    ]


def test_a_pod_is_tried_when_room_returns_and_not_when_it_is_taken() -> None:
    """Pods that leave help one that lacks resources; pods that come do not."""
    given = workload(
        [node("a", "2")],
        [pod("1"), pod("2"), pod("500m")],
        *(0.0, 1.0, 6.0),
        duration=np.array([50.0, np.inf, 4.0]),
    )

    assert [one for one in told(given) if one[2] == 1] == [
        (1.0, "UNSCHEDULABLE", 1, None),
        (10.0, "UNSCHEDULABLE", 1, None),
        (50.0, "BIND", 1, "a"),
    ]


def test_errors_back_off_for_1_2_4_8_and_10_seconds() -> None:
    """Without any node a pod fails by an error; it waits up to 10 s between tries.

    The queue looks at whole seconds, and the last one of a wait counts whole.
    """
    given = workload([], [pod()], node_events=[NodeEvent(60.0, "add", node("a", "1"))])

    times = [time for time, kind, _, _ in told(given) if kind == "UNSCHEDULABLE"]

    assert times == [0.0, 2.0, 5.0, 10.0, 19.0, 30.0, 41.0, 52.0]


def test_an_unschedulable_pod_is_tried_after_five_minutes_without_an_event() -> None:
    """The pool is looked at each 30 s for pods that are there for over 5 minutes.

    At 1000 s comes a node that cannot help, so that it is tried once more.
    """
    late = NodeEvent(1000.0, "add", node("b", "1"))
    given = workload(
        [node("a", "1")],
        [pod(nodeSelector={ZONE: "z"})],
        node_events=[late],
    )

    times = [time for time, kind, _, _ in told(given) if kind == "UNSCHEDULABLE"]

    assert times == [0.0, 330.0, 660.0, 990.0, 1320.0]


def test_pods_tried_in_vain_since_the_last_change_end_the_run() -> None:
    """The run ends when each waiting pod was tried and no event is left."""
    given = workload([node("a", "1")], [pod("2")])

    assert told(given) == [(0.0, "UNSCHEDULABLE", 0, None)]


def test_a_change_that_no_hint_tells_of_is_tried_at_the_flush() -> None:
    """A pod that waits while the cluster changes is tried once more before the end."""
    given = workload([node("a", "1")], [pod("2"), pod("1")], 0.0, 1.0)

    assert [one for one in told(given) if one[2] == 0] == [
        (0.0, "UNSCHEDULABLE", 0, None),
        (330.0, "UNSCHEDULABLE", 0, None),
    ]


def test_a_pod_of_an_unknown_scheduler_is_left_out_and_counted() -> None:
    """Nobody tries it, not even after an update; the record says so."""
    stranger = pod(schedulerName="other")
    given = workload(
        [node("a")],
        [stranger, pod(schedulerName="other", labels={"app": "web"})],
        0.0,
        template=[0],
        pod_updates=[PodUpdate(1.0, 0, 1)],
    )

    record = record_of(given)

    assert EventKind.BIND not in record.kind
    assert any(note.startswith("1 pods were left out") for note in record.notes)


def test_a_running_pod_cannot_be_resized() -> None:
    """An update of a pod on a node that asks for more is refused by name."""
    given = workload(
        [node("a")],
        [pod("1"), pod("2")],
        0.0,
        template=[0],
        pod_updates=[PodUpdate(1.0, 0, 1)],
    )

    with pytest.raises(NotModelledError, match="a running pod is resized"):
        record_of(given)


def test_a_waiting_pod_that_becomes_smaller_is_tried_at_once() -> None:
    """The scaling down of a waiting pod is a reason to try it."""
    given = workload(
        [node("a", "1")],
        [pod("2"), pod("1")],
        0.0,
        template=[0],
        pod_updates=[PodUpdate(4.0, 0, 1)],
    )

    assert told(given) == [(0.0, "UNSCHEDULABLE", 0, None), (4.0, "BIND", 0, "a")]


def test_a_policy_of_batches_is_refused() -> None:
    """A policy that places batches of pods has no place in this queue; it is told."""

    def batch(*arguments: Any) -> Any:
        raise AssertionError("never asked")

    policy = dataclasses.replace(make_policy("first-fit"), batch=batch)

    with pytest.raises(NotModelledError, match="places batches of pods"):
        record_of(workload([node("a")], [pod()]), policy)


def test_pods_without_special_needs_are_scheduled_in_the_compiled_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A workload in which everything fits makes no attempt outside of compiled code."""

    def refuse(*arguments: Any, **more: Any) -> Any:
        raise AssertionError("an attempt was made")

    monkeypatch.setattr(queued_run, "Attempt", refuse)
    nodes = [node(f"node-{index}", "8") for index in range(20)]
    given = workload(nodes, [pod("100m")], template=[0] * 500)

    assert sum(one[1] == "BIND" for one in told(given)) == 500


def test_an_evicted_pod_waits_anew() -> None:
    """Pods of a node that is removed are evicted and go where there is room."""
    given = workload(
        [node("a", "1"), node("b", "1", **{ZONE: "z"})],
        [pod("1")],
        0.0,
        node=np.array([0]),
        node_events=[NodeEvent(3.0, "remove", node("a"))],
    )

    assert told(given) == [
        (0.0, "BIND", 0, "a"),
        (3.0, "EVICT", 0, "a"),
        (3.0, "NODE_REMOVE", -1, "a"),
        (3.0, "BIND", 0, "b"),
    ]


def test_a_vectorized_policy_decides_in_the_queue() -> None:
    """A policy that scores all nodes at once in numpy is asked for each pod."""
    policy = dataclasses.replace(make_policy("first-fit"), vectorized=last_node)
    nodes = [node("a"), node("b"), node("c")]
    given = workload(nodes, [pod("1")], template=[0] * 7)

    places = [int(place) for place in record_of(given, policy).node if place >= 0]

    assert places == [2, 2, 1, 1, 0, 0]


def last_node(cluster: Any, pod: Any, feasible: Any) -> Any:
    """Like the last node best."""
    del cluster, pod
    return np.arange(len(feasible), dtype=float)


def test_a_host_port_that_two_pods_share_is_free_when_one_leaves() -> None:
    """The ports of a node are a set; who is left holds it no more."""
    containers = [{"ports": [{"containerPort": 80, "hostPort": 80}]}]
    holder = queue_pod("kind", containers=containers, priority=0)
    given = workload(
        [node("a")],
        [holder],
        *(0.0, 0.0, 1.0, 9.0),
        template=[0] * 4,
        duration=np.array([2.0, 5.0, np.inf, np.inf]),
        node=np.array([0, 0, -1, -1]),
    )

    assert [one for one in told(given) if one[2] > 1] == [
        (1.0, "UNSCHEDULABLE", 2, None),
        (2.0, "BIND", 2, "a"),
        (9.0, "BIND", 3, "a"),
    ]
