"""What follows when parts of the control plane break, as Kubernetes documents it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from fault_clients import Prober, Writer
from fault_world import Run, broken, nodes, scaled, template, web

from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import ApiServerParameters, Parameters
from schedbench.errors import InputError
from schedbench.objects.controllers import CronJob
from schedbench.objects.defaults import default_pod
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.end_to_end import end_to_end
from schedbench.simulation.faults import ApiServerLoss

MANAGER = "kube-controller-manager"
LEASE = 15.0
"""Seconds of a leader's lease."""
LOOK = 2 * 2.2
"""Seconds between two looks of a candidate at the lease, at most."""


def fault(kind: str, start: float, duration: float, **more: Any) -> dict[str, Any]:
    """Describe a fault as a scenario does."""
    return {"kind": kind, "start": start, "duration": duration, **more}


def bound_after(run: Run, time: float) -> list[float]:
    """Return when pods were bound after a time."""
    bound = run.told.timelines.frame(run.told.ends)["bound"]
    return sorted(bound[bound > time])


def test_writes_wait_one_election_when_the_etcd_leader_dies() -> None:
    """From one to two election timeouts of 1 s; nothing acknowledged is lost."""
    item, writer = web(4), Writer()
    run = broken(
        [fault("leader-loss", 30, 60, component="etcd")],
        [item],
        components=[writer],
        actions=[scaled(33, 10, item)],
        etcd=3,
    )

    assert run.told.faults[0].targets == ("etcd-0",)
    assert 0.5 < writer.pause(20, 60) < 3.0
    assert writer.pause(60, 120) < 0.5
    assert len(writer.calls) > 1000
    assert writer.missing == []
    assert run.calm(10)


def test_without_a_quorum_writes_stop_and_go_on_when_it_is_back() -> None:
    """Calls fail meanwhile, nodes are not taken for lost, nothing is lost."""
    item, writer = web(4), Writer()
    run = broken(
        [fault("etcd-member-loss", 30, 60, members=[0, 1])],
        [item],
        components=[writer],
        actions=[scaled(29.99, 10, item)],
        etcd=3,
    )
    failed = {why for _, _, why in writer.calls.values()} - {""}

    assert writer.acknowledged(30.1, 90) == []
    assert writer.acknowledged(93, 120)
    assert failed
    assert writer.missing == []
    assert run.witness.ready(89) == 4
    assert run.witness.ready(110) == 10
    assert run.calm(10)


def test_clients_of_a_lost_api_server_use_the_other() -> None:
    """Of two, one serves on: watches resume within seconds, nothing is missed."""
    item, writer = web(4), Writer()
    run = broken(
        [fault("api-server-loss", 30, 60, servers=[0])],
        [item],
        components=[writer],
        actions=[scaled(30.5, 10, item)],
        api_servers=2,
    )

    assert writer.pause(20, 120) < 0.5
    assert writer.missing == []
    assert run.witness.ready(40) == 10
    assert run.calm(10)


def test_without_api_servers_what_runs_runs_on() -> None:
    """Nothing is scheduled meanwhile, no node is lost for it, and all goes on after."""
    item, writer = web(4), Writer()
    run = broken(
        [fault("api-server-loss", 30, 120, servers=[0, 1])],
        [item],
        components=[writer],
        actions=[scaled(29.99, 10, item)],
        api_servers=2,
        looks=[100],
    )

    assert writer.acknowledged(30.1, 150) == []
    assert sum(map(len, run.looks[100].values())) >= 4
    assert all(
        not event.object.spec.taints  # type: ignore[attr-defined]
        for time, kind, event in run.witness.history
        if kind == "Node" and time > 30
    )
    assert writer.missing == []
    assert run.calm(10)


def test_another_scheduler_leads_when_the_lease_has_run_out() -> None:
    """A gap of a lease, then it goes on with a new queue; no pod is bound twice."""
    item = web(4)
    run = broken(
        [fault("leader-loss", 30, 60, component="kube-scheduler")],
        [item],
        actions=[scaled(30.5, 10, item), scaled(100, 12, item)],
        schedulers=2,
    )
    bound = bound_after(run, 30)

    assert len(bound) == 8
    assert 30 + LEASE - 2 < bound[0] < 30 + LEASE + LOOK + 1
    assert bound[5] - bound[0] < 1
    assert 100 < bound[6] < 101
    assert run.calm(12)


def test_a_single_scheduler_schedules_again_when_it_is_back() -> None:
    """It lists anew: pods that came meanwhile are bound, none over what a node has."""
    item = web(40)
    run = broken(
        [fault("leader-loss", 30, 60, component="kube-scheduler")],
        [item],
        actions=[scaled(30.5, 50, item)],
    )
    bound = bound_after(run, 30)
    nodes = [pod.spec.node_name for pod in run.witness.at(math.inf).values()]

    assert len(bound) == 8
    assert 90 < bound[0] < 91
    assert max(nodes.count(name) for name in nodes if name) == 8
    assert run.calm(48)


def test_another_controller_manager_leads_when_the_lease_has_run_out() -> None:
    """Pods of a scaled Deployment are made only then."""
    item = web(4)
    run = broken(
        [fault("leader-loss", 30, 60, component="kube-controller-manager")],
        [item],
        actions=[scaled(30.5, 10, item)],
        controller_managers=2,
    )
    made = run.told.timelines.frame(run.told.ends)["stored"]

    assert 30 + LEASE - 2 < made[made > 30].min() < 30 + LEASE + LOOK + 1
    assert run.calm(10)


def test_leaders_give_up_when_they_cannot_renew() -> None:
    """Without a quorum for longer than the renew deadline another one may lead."""
    item = web(4)
    run = broken(
        [fault("etcd-member-loss", 30, 60, members=[0, 1])],
        [item],
        actions=[scaled(100, 10, item)],
        etcd=3,
        schedulers=2,
        controller_managers=2,
    )

    assert run.calm(10)


def test_a_slow_disk_slows_commits() -> None:
    """Under all members, as a write waits for the faster ones of them."""
    writer = Writer()
    run = broken(
        [fault("slow-disk", 30, 60, median=0.1, p99=0.3)],
        [web(4)],
        components=[writer],
        etcd=3,
    )
    before, slow, after = (writer.latencies(t, t + 29) for t in (0, 30, 91))

    assert before[len(before) // 2] < 0.02
    assert 0.05 < slow[len(slow) // 2] < 0.5
    assert after[len(after) // 2] < 0.02
    assert run.calm(4)


def test_one_slow_disk_of_three_does_not() -> None:
    """The leader's own and one follower's are enough; the leader is another."""
    writer = Writer()
    run = broken(
        [fault("slow-disk", 30, 60, members=[2], median=0.1, p99=0.3)],
        [web(4)],
        components=[writer],
        etcd=3,
    )
    slow = writer.latencies(30, 89)

    assert slow[len(slow) // 2] < 0.02
    assert run.calm(4)


def test_overload_by_workloads_leaves_the_system_alone() -> None:
    """Calls of the same priority level wait, those of the system's levels do not."""
    small = dataclasses.replace(
        Parameters(),
        api_server=ApiServerParameters(
            max_requests_inflight=40, max_mutating_requests_inflight=20
        ),
    )
    item = web(4)
    workload = Prober("system:serviceaccount:foreign:client")
    system = Prober("system:kube-controller-manager")
    run = broken(
        [fault("api-overload", 20, 30, qps=50_000)],
        [item],
        parameters=small,
        components=[workload, system],
        actions=[scaled(30, 10, item)],
    )

    assert workload.usual(0, 20) < 0.003
    assert workload.usual(22, 50) > 0.02
    assert workload.usual(55, 61) < 0.003
    assert system.usual(22, 50) < 0.003
    assert run.witness.ready(34) == 10
    assert run.calm(10)


@pytest.mark.parametrize("seconds", [20, -20])
def test_a_skewed_clock_shifts_cron_jobs(seconds: float) -> None:
    """A job is made when the manager's wall clock shows a full minute."""
    run = broken(
        [
            fault(
                "clock-skew",
                70,
                180,
                component="kube-controller-manager",
                seconds=seconds,
            )
        ],
        [every_minute()],
        kinds=("Job",),
        controller_managers=2,
        until=400,
    )
    made = [
        round(time) for time, _, event in run.witness.history if event.type == "ADDED"
    ]

    assert made[:2] == [0, 60]
    assert 180 - seconds in made
    assert 300 in made


def every_minute() -> CronJob:
    """Make a cron job that is due every minute."""
    document = {
        "metadata": {"name": "tick", "namespace": "default"},
        "spec": {
            "schedule": "* * * * *",
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "c", "image": "web:1"}],
                        }
                    }
                }
            },
        },
    }
    return msgspec.convert(document, CronJob)


def test_an_unknown_clock_is_refused() -> None:
    """Only components that have one can be wrong."""
    with pytest.raises(InputError, match="no such clock"):
        broken([fault("clock-skew", 1, 5, component="sundial", seconds=5)], [web(1)])


def test_users_and_hollow_nodes_insist_when_the_api_is_lost() -> None:
    """Pods that come during an outage are created after it, and run on hollow nodes."""
    pod = msgspec.convert({"metadata": {"name": "p"}, **template()}, Pod)
    pod.metadata.namespace = "default"
    stream = PodStream.of([default_pod(pod)], [0] * 20, arrival=np.arange(20) / 2 + 25)
    told = end_to_end(
        encode(Workload("hollow", nodes(3), stream, queue="kube-scheduler")),
        make_policy("kube-scheduler"),
        seed=1,
        parameters=Parameters(),
        faults=[ApiServerLoss(start=28, duration=30, servers=[0])],
    )
    frame = told.timelines.frame(told.ends)
    there = frame[frame["stored"].notna()]

    assert there["name"].nunique() == 20
    assert there["ready"].notna().all()
    assert there["stored"].between(28.1, 58).sum() == 0
