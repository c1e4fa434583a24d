"""Autoscalers of pods and nodes end to end, under requests over time."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pandas as pd
import pytest
from addon_cases import (
    Played,
    autoscaler,
    create,
    deployment,
    group,
    load,
    node,
    play,
    scale,
    service,
)

from schedbench.simulation.control_plane import ControlPlane
from schedbench.simulation.faults import Fault
from schedbench.simulation.node_groups import NodeGroup, pool

WEB = "default/web"
SYNC, RESOLUTION, WINDOW = 15.0, 15.0, 300.0
"""Documented defaults of the HorizontalPodAutoscaler and of the metrics server."""


def replicas(played: Played) -> list[tuple[float, int]]:
    """Return how many replicas the Deployment was to have, and since when."""
    return played.series("Deployment", lambda item: item.spec.replicas)


def steps(*pairs: tuple[float, float]) -> Any:
    """Read a load of the service that changes in steps."""
    return load(kind="step", steps=[{"at": t, "requests": n} for t, n in pairs])


@pytest.fixture(scope="module")
def stepped() -> Played:
    """Requests for one core, then for five, five and a quarter, and one again."""
    return play(
        [deployment(2), service(), autoscaler()],
        until=1000,
        loads=[steps((0, 20), (120, 100), (420, 105), (600, 20))],
    )


def test_a_deployment_scales_out_when_load_steps_up(stepped: Played) -> None:
    """Two at their limit use twice the target: two become four, eight, then ten.

    Ten at half a core each serve five cores; docs.kubernetes.io, "HPA: algorithm
    details". The first step follows the load by at most a sample and a sync.
    """
    found = [(time, n) for time, n in replicas(stepped) if time < 600]

    assert [n for _, n in found] == [2, 4, 8, 10]
    assert 120 < found[1][0] < 120 + 2 * RESOLUTION + SYNC


def test_replicas_stay_where_the_ratio_is_within_a_tenth(stepped: Played) -> None:
    """5.25 cores on ten pods are 52.5 % of a target of 50 %: nothing happens."""
    between = [n for time, n in replicas(stepped) if 420 <= time < 600]

    assert between == []


def test_a_deployment_scales_in_after_the_stabilization_window(
    stepped: Played,
) -> None:
    """The highest recommendation of 300 s counts; then it goes down at once."""
    found = [(time, n) for time, n in replicas(stepped) if time >= 600]

    assert [n for _, n in found] == [2]
    late = found[0][0] - 600 - WINDOW
    assert -SYNC < late < 2 * RESOLUTION + SYNC


def test_requests_beyond_the_limits_are_counted(stepped: Played) -> None:
    """Two pods serve 40 of 100 a second until there are more."""
    frame = stepped.addons.traffic.frame()
    first = frame[frame["time"] == 120].iloc[-1]
    last = frame[frame["time"] < 600].iloc[-1]

    assert tuple(first[["rate", "backends", "unserved"]]) == (100, 2, 60)
    assert tuple(last[["rate", "backends", "unserved"]]) == (105, 10, 0)


def test_no_part_asks_for_more_than_its_rights(stepped: Played) -> None:
    """Every service account gets along with the rules of its ClusterRole."""
    codes = {code for _, _, code in stepped.backplane.servers.audit.calls}

    assert 200 in codes
    assert 403 not in codes


def test_the_next_controller_manager_goes_on_scaling() -> None:
    """It begins when the lease has run out, without recommendations of its own."""
    loss = {"kind": "leader-loss", "start": 140}
    fault = msgspec.convert(
        loss | {"component": "kube-controller-manager", "duration": 600}, Fault
    )
    played = play(
        [deployment(2), service(), autoscaler()],
        until=300,
        loads=[steps((0, 20), (120, 100))],
        control_plane=ControlPlane(controller_managers=2),
        faults=[fault],
    )
    found = replicas(played)
    elected = 140 + 15

    assert played.told.faults[0].targets
    assert [n for _, n in found] == [2, 4, 8, 10]
    assert elected - 2 < found[1][0] < elected + 2 + SYNC + RESOLUTION


@pytest.fixture(scope="module")
def crowded() -> Played:
    """Twenty-six cores' pods on five nodes of four; later, five pods' worth."""
    return play(
        [],
        until=1300,
        groups=[group(min=4, max=10)],
        later={5: create(deployment(26)), 300: scale(5)},
    )


def test_pods_that_fit_nowhere_make_nodes_come(crowded: Played) -> None:
    """Six pods need two nodes, no more; they register a minute after the scan."""
    came = [(time, name) for time, what, name in crowded.nodes() if what == "ADDED"]

    assert sorted(name for _, name in came) == ["n-5", "n-6"]
    assert all(70 < time < 71 for time, _ in came)


def test_the_new_nodes_get_the_pods(crowded: Played) -> None:
    """All run, the six late ones on the nodes that came, after these were there."""
    frame = crowded.timelines()
    homes = {
        item.metadata.uid: item.spec.node_name
        for _, _, item in crowded.seen["Pod"]
        if item.spec.node_name
    }
    frame = frame[frame["applied"] < 60]
    late = frame[frame["bound"] > 60]
    came = {name: time for time, what, name in crowded.nodes() if what == "ADDED"}

    assert len(frame) == 26
    assert frame["ready"].notna().all()
    assert len(late) == 6
    assert {homes[uid] for uid in late["uid"]} == {"n-5", "n-6"}
    assert all(
        bound > came[homes[uid]]
        for uid, bound in zip(late["uid"], late["bound"], strict=True)
    )


def test_unneeded_nodes_go_after_ten_minutes(crowded: Played) -> None:
    """None goes before, and the group keeps its minimum of four."""
    gone = [time for time, what, _ in crowded.nodes() if what == "DELETED"]

    assert len(gone) == 7 - 4
    assert min(gone) > 300 + 600


def test_a_machine_registers_when_the_api_server_is_back() -> None:
    """Its kubelet tries again and again, at most seven seconds apart."""
    played = play(
        [],
        nodes=1,
        until=150,
        groups=[group(max=3)],
        later={5: create(deployment(6))},
        at={
            69.0: lambda run: run.backplane.servers.crash(0),
            90.0: lambda run: run.backplane.servers.start(0),
        },
    )
    came = [time for time, what, _ in played.nodes() if what == "ADDED"]

    assert len(came) == 1
    assert 90 < came[0] < 98
    assert played.timelines()["ready"].notna().all()


def test_no_node_comes_twice_while_a_new_one_is_not_ready_yet() -> None:
    """Pods that wait for a node that has just registered ask for no other one."""
    played = play([deployment(8)], nodes=1, until=400, groups=[group(max=9)])

    assert [name for _, _, name in played.nodes()] == ["n-1"]


def test_a_run_is_not_over_while_a_node_is_on_its_way() -> None:
    """However quiet it is meanwhile; without requests it ends when all is done."""
    slow = {"median": 500, "p99": 500}
    played = play(
        [deployment(6)],
        nodes=1,
        until=math.inf,
        quiet=60,
        groups=[group(provisioning=slow)],
    )

    assert played.timelines()["ready"].notna().all()
    assert played.nodes()[0][0] > 500


def test_a_seed_gives_the_same_run_to_the_digit() -> None:
    """Load, autoscalers and provisioning draw from the seed alone."""

    def run(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        played = play(
            [deployment(2), service(), autoscaler()],
            nodes=1,
            until=300,
            seed=seed,
            loads=[load(kind="diurnal", mean=80, amplitude=70, period=300, noise=0.1)],
            groups=[group(provisioning={})],
        )
        return played.timelines(), played.addons.traffic.frame()

    one, same, other = run(1), run(1), run(2)

    pd.testing.assert_frame_equal(one[0], same[0])
    pd.testing.assert_frame_equal(one[1], same[1])
    assert not one[1].equals(other[1])


def test_a_day_is_followed_by_pods_and_nodes() -> None:
    """Where the curve is high there are more of both than where it is low."""
    played = play(
        [deployment(2), service(), autoscaler()],
        nodes=2,
        until=7200,
        loads=[load(kind="diurnal", mean=100, amplitude=90, period=7200)],
        groups=[group(min=2, max=12)],
    )
    frame = played.addons.traffic.frame()
    size, sizes = 2, [(0.0, 2)]
    for time, what, _ in played.nodes():
        size += 1 if what == "ADDED" else -1
        sizes.append((time, size))

    def nodes_at(time: float) -> int:
        return [n for t, n in sizes if t <= time][-1]

    peak = frame[frame["time"].between(1700, 1900)]
    trough = frame[frame["time"].between(5900, 6000)]
    requests = played.addons.traffic.requests(WEB)

    assert peak["backends"].min() >= math.ceil(190 * 0.05 / 0.5 / 1.1)
    assert trough["backends"].max() <= 4
    assert nodes_at(1900) >= 5
    assert nodes_at(6600) == 2
    assert requests.unserved < 0.01 * requests.offered
    assert played.told.timelines.disorder() == []


def test_a_group_is_read_as_a_scenario_writes_it() -> None:
    """Its nodes look like those of the cluster's pools; unknown fields are errors."""
    found = pool(group(labels={"disk": "ssd"}, max=3))

    assert found.name == "n"
    assert found.max_size == 3
    assert found.template.metadata.labels == {"pool": "n", "disk": "ssd"}
    assert found.template.status.allocatable == node("n").status.allocatable
    with pytest.raises(msgspec.ValidationError, match="max is below min"):
        group(min=3, max=2)
    with pytest.raises(msgspec.ValidationError, match="p99 is below the median"):
        group(provisioning={"median": 9, "p99": 3})
    with pytest.raises(msgspec.ValidationError, match="count"):
        msgspec.convert({"name": "n", "cpu": 1, "memory": 1, "count": 3}, NodeGroup)
