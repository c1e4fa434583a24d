"""What follows when nodes break, from end to end, as Kubernetes documents it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fault_world import (
    BEARS,
    Run,
    broken,
    budget,
    is_true,
    scaled,
    store,
    web,
)

from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import Parameters
from schedbench.errors import InputError
from schedbench.policies.registry import make_policy
from schedbench.simulation.end_to_end import end_to_end
from schedbench.simulation.faults import NodeCrash, Targets

NOT_LATER = 50 + 5 + 1
"""Seconds after which a silent node is Unknown: grace, monitor period, writing."""


def fault(kind: str, start: float, duration: float | None, **more: Any) -> Any:
    """Describe a fault as a scenario does."""
    given = {} if duration is None else {"duration": duration}
    return {"kind": kind, "start": start, **given, **more}


def on(*names: str) -> dict[str, Any]:
    """Return the targets of a fault."""
    return {"targets": {"names": list(names)}}


def status_times(run: Run, node: str, status: str) -> list[float]:
    """Return when a node's Ready condition became so."""
    found, before = [], ""
    for time, kind, event in run.witness.history:
        item: Any = event.object
        if kind == "Node" and item.metadata.name == node:
            now = {c.type: c.status for c in item.status.conditions}.get("Ready", "")
            if now != before and now == status:
                found.append(time)
            before = now
    return found


def tainted_at(run: Run, node: str, effect: str) -> float | None:
    """Return when a node was first tainted as unreachable."""
    for time, kind, event in run.witness.history:
        item: Any = event.object
        if kind == "Node" and item.metadata.name == node:
            for taint in item.spec.taints:
                if taint.key.endswith("unreachable") and taint.effect == effect:
                    return time
    return None


def test_pods_of_a_crashed_node_are_made_anew_elsewhere() -> None:
    """Unknown after the grace period, tainted, deleted when tolerations run out."""
    run = broken([fault("node-crash", 30, 200, **on("n2"))], [web(10)])
    witness = run.witness
    there = witness.on("n2", 30)
    unknown = status_times(run, "n2", "Unknown")
    tainted = tainted_at(run, "n2", "NoExecute")
    gone = [
        time
        for time, kind, event in witness.history
        if kind == "Pod"
        and event.object.metadata.name in there
        and event.object.metadata.deletion_timestamp
    ]

    assert len(there) == 2
    assert len(unknown) == 1
    assert 70 < unknown[0] <= 30 + NOT_LATER
    assert witness.ready(unknown[0] + 1) == 8
    assert tainted is not None
    assert unknown[0] <= tainted <= unknown[0] + 6
    assert tainted + BEARS <= gone[0] < tainted + BEARS + 1
    assert witness.ready(gone[0] + 3) == 10
    assert set(there) <= set(witness.at(229))
    assert not set(there) & set(witness.at(240))
    assert run.calm(10)


def test_containers_of_a_node_that_boots_in_time_start_anew() -> None:
    """Within the grace period nobody hears of a crash; pods are where they were."""
    run = broken([fault("node-crash", 30, 20, **on("n2"))], [web(10)])
    there = run.witness.on("n2", 30)
    pods = run.witness.at(600)

    assert status_times(run, "n2", "Unknown") == []
    assert len(there) == 2
    assert sorted(run.witness.on("n2", 600)) == sorted(there)
    for name in there:
        assert pods[name].status.container_statuses[0].restart_count == 1
    assert run.calm(10)


def test_a_stateful_pod_is_not_doubled_by_a_partition() -> None:
    """Its successor is made when the node has said that it ended, not before."""
    run = broken(
        [fault("partition", 30, 200, **on("n2"))], [store(6)], looks=[225, 260]
    )
    witness = run.witness
    lost = witness.on("n2", 30)
    first = witness.at(30)[lost[0]].metadata.uid
    second = witness.at(260)[lost[0]].metadata.uid

    assert len(lost) == 1
    assert witness.at(225)[lost[0]].metadata.deletion_timestamp is not None
    assert witness.at(225)[lost[0]].metadata.uid == first
    assert run.looks[225]["n2"] == set(lost)
    assert second != first
    assert sum(lost[0] in names for names in run.looks[260].values()) == 1
    assert run.calm(6)


def test_deleted_pods_run_on_until_a_partition_heals() -> None:
    """A Deployment's pods are replaced meanwhile, and stop when the kubelet hears."""
    run = broken([fault("partition", 30, 200, **on("n2"))], [web(10)], looks=[225, 260])
    there = set(run.witness.on("n2", 30))
    deployed = set().union(*run.looks[225].values())

    assert there
    assert there == run.looks[225]["n2"]
    assert len(deployed) == 10 + len(there)
    assert not there & set().union(*run.looks[260].values())
    assert run.calm(10)


def test_what_is_bound_to_a_cut_off_node_waits_for_it() -> None:
    """Calls and watches resume where they were when the partition heals in time."""
    web_6 = web(6)
    run = broken(
        [fault("partition", 30, 20, **on("n2"))],
        [web_6],
        actions=[scaled(31, 18, web_6)],
    )
    frame = run.told.timelines.frame(run.told.ends).set_index("name")
    pods = run.witness.at(600)
    nodes = {pod.metadata.uid: pod.spec.node_name for pod in pods.values()}
    late = frame[(frame["bound"] > 30) & (frame["uid"].map(nodes) == "n2")]

    assert len(late) == 2
    assert (late["bound"] < 35).all()
    assert (late["seen_by_kubelet"] > 50).all()
    assert status_times(run, "n2", "Unknown") == []
    assert run.calm(18)


def test_pods_that_were_unreadied_get_ready_when_a_partition_heals() -> None:
    """Pods that bear it stay, and their kubelet says that they are well."""
    run = broken([fault("partition", 30, 200, **on("n2"))], [web(10, bears=300)])

    assert run.witness.ready(200) == 8
    assert run.witness.on("n2", 30) == run.witness.on("n2", 600)
    assert run.witness.ready(230 + 15) == 10
    assert run.calm(10)


def test_a_flapping_node_is_unknown_and_ready_in_turn() -> None:
    """Silent for 60 s, speaking for 30: its pods, which bear it, all stay."""
    run = broken(
        [fault("flapping-heartbeat", 30, 260, **on("n2"))], [web(10, bears=300)]
    )
    unknown = status_times(run, "n2", "Unknown")
    ready = status_times(run, "n2", "True")[1:]

    assert len(unknown) == len(ready) == 3
    assert all(lost < again for lost, again in zip(unknown, ready, strict=True))
    assert [round(again) for again in ready] == [90, 180, 270]
    assert run.witness.on("n2", 30) == run.witness.on("n2", 600)
    assert run.calm(10)


def test_overlapping_faults_of_a_node_end_with_the_last() -> None:
    """A node that boots while it is cut off is heard when it is connected."""
    run = broken(
        [
            fault("node-crash", 30, 100, **on("n2")),
            fault("partition", 60, 150, **on("n2")),
        ],
        [web(10)],
    )
    again = status_times(run, "n2", "True")[1:]

    assert [round(time) for time in again] == [210]
    assert run.calm(10)


def test_a_zone_that_is_lost_is_emptied_node_by_node() -> None:
    """Full disruption of one zone: tainted at the normal rate, one in 10 s."""
    run = broken(
        [fault("zone-loss", 30, 200, zone="east")],
        [web(10)],
        count=8,
        zones=("east", "west"),
    )
    times = sorted(
        time
        for name in ("n0", "n2", "n4", "n6")
        if (time := tainted_at(run, name, "NoExecute")) is not None
    )
    gaps = [after - before for before, after in itertools.pairwise(times)]

    assert len(times) == 4
    assert gaps == pytest.approx([10, 10, 10], abs=0.1)
    assert all(tainted_at(run, f"n{i}", "NoExecute") is None for i in (1, 3, 5, 7))
    assert run.calm(10)


@pytest.mark.parametrize("cut_off", [False, True])
def test_no_pod_is_evicted_when_all_zones_are_lost(cut_off: bool) -> None:
    """Then the node controller takes the trouble to be its own."""
    faults = [
        fault("zone-loss", 30, 200, zone=zone, cut_off=cut_off)
        for zone in ("east", "west")
    ]
    run = broken(faults, [web(10)], count=6, zones=("east", "west"))
    before, after = run.witness.at(29), run.witness.at(600)

    assert all(status_times(run, f"n{i}", "Unknown") for i in range(6))
    assert before.keys() == after.keys()
    assert run.calm(10)


def test_nodes_that_have_an_image_need_no_registry() -> None:
    """During an outage their pods start all the same (`IfNotPresent`)."""
    item = web(6)
    run = broken(
        [fault("registry-outage", 30, 60)], [item], actions=[scaled(31, 12, item)]
    )

    assert run.witness.ready(40) == 12
    assert run.calm(12)


def test_pulls_that_fail_back_off_until_the_registry_answers() -> None:
    """Pods of an image that no node has wait, with ImagePullBackOff for a reason."""
    item = web(0)
    run = broken(
        [fault("registry-outage", 30, 60)], [item], actions=[scaled(31, 4, item)]
    )
    reasons = {
        status.state.waiting.reason
        for _, kind, event in run.witness.history
        if kind == "Pod"
        for status in event.object.status.container_statuses  # type: ignore[attr-defined]
        if status.state.waiting
    }

    assert {"ErrImagePull", "ImagePullBackOff"} <= reasons
    assert run.witness.ready(89) == 0
    assert run.witness.ready(90 + 80) == 4
    assert run.calm(4)


def test_a_drain_keeps_the_budget() -> None:
    """Nodes are cordoned and emptied, and never more than one pod is missing."""
    run = broken(
        [fault("mass-eviction", 30, 100, **on("n1", "n2"))], [web(10), budget(1)]
    )
    witness = run.witness
    times = [time for time in witness.times() if time > 30]

    assert len(witness.on("n1", 30)) + len(witness.on("n2", 30)) >= 3
    assert witness.on("n1", 125) == witness.on("n2", 125) == []
    assert witness.at(125, "Node")["n1"].spec.unschedulable
    assert not witness.at(600, "Node")["n1"].spec.unschedulable
    assert min(witness.ready(time) for time in times) == 9
    assert run.calm(10)


def test_hollow_nodes_cannot_break() -> None:
    """They have neither kubelet nor machine; the fault says so."""
    from fault_world import nodes

    from schedbench.objects.workload import PodStream, Workload

    stream = PodStream.of([], [], arrival=np.zeros(0))
    given = Workload("hollow", nodes(2), stream, queue="kube-scheduler")
    crash = NodeCrash(start=1, duration=1, targets=Targets(names=["n0"]))

    with pytest.raises(InputError, match="hollow"):
        end_to_end(
            encode(given),
            make_policy("kube-scheduler"),
            seed=1,
            parameters=Parameters(),
            faults=[crash],
        )


def test_a_seed_breaks_a_cluster_in_the_same_way() -> None:
    """Targets, timelines and the number of events are the same, to the digit."""
    faults = [
        {"kind": "node-crash", "start": 20, "duration": 90, "targets": {"share": 0.4}},
        {"kind": "partition", "start": 40, "duration": 90, "targets": {"share": 0.4}},
        {"kind": "leader-loss", "start": 50, "duration": 60, "component": "etcd"},
        {"kind": "api-overload", "start": 20, "duration": 10, "qps": 1000},
    ]
    one, same = (broken(faults, [web(10)], etcd=3) for _ in range(2))
    other = broken(faults, [web(10)], etcd=3, seed=2)

    assert one.told.faults == same.told.faults
    assert one.told.events == same.told.events != other.told.events
    pd.testing.assert_frame_equal(
        one.told.timelines.frame(one.told.ends),
        same.told.timelines.frame(same.told.ends),
    )
    assert is_true(one.witness.at(600, "Node")["n0"])
    assert one.calm(10)
