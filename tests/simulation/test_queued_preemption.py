"""Who makes room for whom in runs with the scheduling queue."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from naive import queued as naive
from naive.profile import from_configuration
from naive.queue_objects import pod as queue_pod
from queued_sentences import SPEC, node, pod, record_of, told, workload

from schedbench.cluster.encode import encode
from schedbench.objects.meta import ApiObject
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.storage import PersistentVolume, PersistentVolumeClaim
from schedbench.objects.workload import PodUpdate
from schedbench.policies.registry import make_policy
from schedbench.simulation.queued import run as queued_run
from schedbench.simulation.queued.preempting import CompiledPreemption
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import replay


def claim_for_one_pod(name: str) -> list[ApiObject]:
    """Make a ReadWriteOncePod claim with its volume."""
    claim = {
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
        "spec": {"accessModes": ["ReadWriteOncePod"], "volumeName": f"{name}-volume"},
        "status": {"phase": "Bound"},
    }
    volume = {
        "metadata": {"name": f"{name}-volume"},
        "spec": {
            "accessModes": ["ReadWriteOncePod"],
            "claimRef": {"namespace": "default", "name": name},
        },
    }
    return [
        msgspec.convert(claim, PersistentVolumeClaim),
        msgspec.convert(volume, PersistentVolume),
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
    monkeypatch.setattr(CompiledPreemption, "run", lambda self: 0)
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


def test_a_claim_for_one_pod_does_not_wait_for_a_nominated_pod() -> None:
    """PreFilter skips VolumeRestrictions while no pod in the cluster uses the claim.

    So a nominated pod that will use it keeps no other pod of its priority away. Source:
    kubernetes v1.34 plugins/volumerestrictions, PreFilter.
    """
    mount = {"name": "data", "persistentVolumeClaim": {"claimName": "one"}}
    waits = pod(
        "1", 10, nominated="a", schedulingGates=[{"name": "wait"}], volumes=[mount]
    )
    given = workload(
        [node("a", "2")],
        [waits, pod("1", 10, volumes=[mount])],
        0.0,
        1.0,
        objects=claim_for_one_pod("one"),
    )
    profiles = from_configuration(None, whole=True)
    twin = [tuple(one) for one in naive.play(given, profiles)]

    assert told(given) == [(1.0, "BIND", 1, "a")]
    assert twin[-1:] == told(given)


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


def test_a_pod_that_loses_its_nomination_counts_for_its_own_spreading() -> None:
    """The end of a nomination helps the nominated pod itself, not its like.

    Source: kubernetes v1.34.1 pkg/scheduler/framework/plugins/podtopologyspread/
    plugin.go (involvedInTopologySpreading, asked of each pod in the pool).
    """
    spread = {
        "maxSkew": 1,
        "topologyKey": "disk",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    web = {"labels": {"app": "web"}, "topologySpreadConstraints": [spread]}
    given = workload(
        [node("a")], [pod(nominated="a", **web)], *(0.0, 1.0), template=[0, 0]
    )

    assert told(given)[:4] == [
        (0.0, "UNSCHEDULABLE", 0, None),
        (0.0, "UNSCHEDULABLE", 0, None),
        (1.0, "UNSCHEDULABLE", 1, None),
        (1.0, "UNSCHEDULABLE", 1, None),
    ]
