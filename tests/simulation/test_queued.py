"""Behaviours of runs in the scheduling queue, sentence by sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from naive.queue_objects import pod as queue_pod

from schedbench.cluster.encode import encode
from schedbench.errors import NotModelledError
from schedbench.objects.defaults import default_node
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.workload import NodeEvent, PodStream, PodUpdate, Workload
from schedbench.policies.base import Policy
from schedbench.policies.registry import make_policy
from schedbench.simulation.queued import run as queued_run
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import replay

SPEC = "kube-scheduler[ties=first]"
ZONE = "topology.kubernetes.io/zone"
Told = list[tuple[float, str, int, str | None]]


def pod(cpu: str = "1", priority: int = 0, /, **more: Any) -> Pod:
    """Make a pod that asks for cpu."""
    containers = [{"resources": {"requests": {"cpu": cpu}}}]
    return queue_pod("kind", containers=containers, priority=priority, **more)


def node(name: str, cpu: str = "2", **labels: str) -> Node:
    """Make a node."""
    document = {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }
    return default_node(msgspec.convert(document, Node))


def workload(
    nodes: Sequence[Node], pods: Sequence[Pod], *arrival: float, **more: Any
) -> Workload:
    """Make a workload of one pod a template; of `more` some are columns of pods."""
    columns = ("template", "duration", "deletion", "node")
    columns_given = {name: more.pop(name) for name in columns if name in more}
    times = np.array(arrival or np.zeros(len(columns_given.get("template", pods))))
    stream = PodStream.of(pods, arrival=times, **columns_given)
    objects = more.pop("objects", ())
    return Workload("test", nodes, stream, objects, queue="kube-scheduler", **more)


def record_of(given: Workload, policy: Policy | None = None) -> Record:
    """Play a workload."""
    return replay(encode(given), policy or make_policy(SPEC), seed=1)


def told(given: Workload) -> Told:
    """Play a workload and return what happened, without arrivals."""
    record, names = record_of(given), encode(given).node_names
    columns = zip(record.time, record.kind, record.pod, record.node, strict=True)
    return [
        (float(t), EventKind(k).name, int(p), names[n] if n >= 0 else None)
        for t, k, p, n in columns
        if k != EventKind.ARRIVE
    ]


def test_a_preemptor_makes_room_and_binds_at_the_same_instant() -> None:
    """A pod that fits nowhere evicts a lower one and takes its place at once."""
    given = workload([node("a", "1")], [pod("1"), pod("1", 10)], 0.0, 5.0)

    assert told(given) == [
        (0.0, "BIND", 0, "a"),
        (5.0, "UNSCHEDULABLE", 1, None),
        (5.0, "PREEMPT", 1, "a"),
        (5.0, "DELETE", 0, "a"),
        (5.0, "BIND", 1, "a"),
    ]


def test_a_preemptor_is_nominated_while_it_is_not_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At its second attempt the preemptor is nominated to the node it emptied."""
    seen = []

    class Watched(queued_run.Attempt):
        def run(self) -> queued_run.Outcome:
            seen.append(self.pod.status.nominated_node_name)
            return super().run()

    monkeypatch.setattr(queued_run, "Attempt", Watched)
    given = workload([node("a", "1")], [pod("1"), pod("1", 10)], 0.0, 5.0)

    record_of(given)

    assert seen == [None, "a"]


def test_a_lower_pod_does_not_take_the_nominated_node() -> None:
    """A node is kept for the pod nominated to it, from lower pods but not higher."""
    nominated = pod("2", 10, nominated="a", schedulingGates=[{"name": "wait"}])
    free = pod("2", 10, nominated="a")
    given = workload(
        [node("a", "2")],
        [nominated, free, pod("1", 5)],
        0.0,
        1.0,
        template=[0, 2],
        pod_updates=[PodUpdate(3.0, 0, 1)],
    )

    assert [one for one in told(given) if one[1] == "BIND"] == [(3.0, "BIND", 0, "a")]


def test_a_higher_pod_takes_the_nominated_node() -> None:
    """A nomination does not hold pods of higher priority up."""
    nominated = pod("2", 10, nominated="a", schedulingGates=[{"name": "wait"}])
    given = workload([node("a", "2")], [nominated, pod("1", 50)], 0.0, 1.0)

    assert told(given) == [(1.0, "BIND", 1, "a")]


def test_a_pod_that_never_preempts_waits() -> None:
    """With preemptionPolicy Never a pod waits for room, whatever its priority."""
    given = workload(
        [node("a", "1")],
        [pod("1"), pod("1", 10, preemptionPolicy="Never")],
        0.0,
        5.0,
        duration=np.array([20.0, np.inf]),
    )

    assert told(given) == [
        (0.0, "BIND", 0, "a"),
        (5.0, "UNSCHEDULABLE", 1, None),
        (20.0, "FINISH", 0, "a"),
        (20.0, "BIND", 1, "a"),
    ]


def test_victims_that_a_budget_protects_are_avoided() -> None:
    """Of two nodes, the one is emptied whose pod no disruption budget protects."""
    budget = msgspec.convert(
        {
            "metadata": {"name": "budget", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 0},
        },
        PodDisruptionBudget,
    )
    given = workload(
        [node("a", "1"), node("b", "1")],
        [pod("1", labels={"app": "web"}), pod("1"), pod("1", 10)],
        *(0.0, 1.0, 5.0),
        objects=[budget],
    )

    assert (5.0, "PREEMPT", 2, "b") in told(given)


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


def test_the_search_for_victims_ends_at_a_hundred_candidates() -> None:
    """Of more nodes than that, 100 or a tenth are candidates, from a random start."""
    count = 130
    given = workload(
        [node(f"node-{index}", "1") for index in range(count)],
        [pod("1"), pod("1", 10)],
        *np.append(np.zeros(count), 1.0),
        template=[0] * count + [1],
    )
    chosen = set()
    for seed in range(12):
        record = replay(encode(given), make_policy(SPEC), seed=seed)
        at = int(np.flatnonzero(record.kind == EventKind.PREEMPT)[0])
        chosen.add(int(record.node[at]))

    assert len(chosen) > 1
    assert min(chosen) < 30


def test_few_candidates_are_all_looked_at_whatever_the_seed() -> None:
    """Below 100 the first of equal candidates is taken, wherever the search begins."""
    given = workload(
        [node(f"node-{index}", "1") for index in range(40)],
        [pod("1"), pod("1", 10)],
        *np.append(np.zeros(40), 1.0),
        template=[0] * 40 + [1],
    )
    chosen = set()
    for seed in range(5):
        record = replay(encode(given), make_policy(SPEC), seed=seed)
        at = int(np.flatnonzero(record.kind == EventKind.PREEMPT)[0])
        chosen.add(int(record.node[at]))

    assert chosen == {0}


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


def test_a_preemptor_does_not_crowd_itself_out() -> None:
    """A pod that makes room where it was nominated before is no guest beside itself."""
    containers = [
        {
            "resources": {"requests": {"cpu": "1"}},
            "ports": [{"containerPort": 80, "hostPort": 80}],
        }
    ]
    again = queue_pod("kind", containers=containers, priority=10, nominated="a")
    given = workload([node("a", "1")], [pod("1"), again], 0.0, 5.0)

    assert told(given)[-1] == (5.0, "BIND", 1, "a")


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
