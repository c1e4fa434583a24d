"""What users do in a run, and how the run is told afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from fault_world import nodes, store, template, web

from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import Parameters
from schedbench.errors import NotModelledError
from schedbench.objects.defaults import default_pod
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod import Pod, PodTemplateSpec
from schedbench.objects.policy import ResourceQuota
from schedbench.objects.workload import NodeEvent, PodStream, PodUpdate, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.actions import Action
from schedbench.simulation.end_to_end import Told, end_to_end
from schedbench.simulation.full_nodes import full_nodes
from schedbench.simulation.record import EventKind


def told(
    actions: Sequence[Action],
    objects: Sequence[KubernetesObject] = (),
    node_events: Sequence[NodeEvent] = (),
) -> Told:
    """Play what users do on five nodes."""
    given = Workload(
        "test", nodes(5), PodStream.of([]), list(objects), node_events=node_events
    )
    return end_to_end(
        encode(given),
        make_policy("kube-scheduler"),
        seed=1,
        parameters=Parameters(),
        components=full_nodes(),
        actions=actions,
        sample=1.0,
    )


def ready_pods(run: Told, time: float) -> int:
    """Return how many pods are ready and not deleted at a time."""
    frame = run.timelines.frame(run.ends)
    gone = frame["deleted"].fillna(np.inf)
    return int(((frame["ready"] <= time) & (gone > time)).sum())


def test_users_apply_scale_update_and_delete() -> None:
    """A Deployment has the replicas and the image that were asked for last."""
    newer = msgspec.convert(template("web:2"), PodTemplateSpec)
    one = web(3)
    two = msgspec.structs.replace(
        one, spec=msgspec.structs.replace(one.spec, replicas=None, template=newer)
    )
    name = ("Deployment", "default", "web")
    run = told(
        [
            Action(0.0, [one]),
            Action(60.0, scales=[(*name, 6)]),
            Action(120.0, [two]),
            Action(240.0, deletions=[name]),
        ]
    )
    frame = run.timelines.frame(run.ends)

    assert run.record.notes == []
    assert [ready_pods(run, time) for time in (59.0, 119.0, 239.0)] == [3, 6, 6]
    assert (frame["applied"] > 120.0).sum() == 6
    assert run.ends.keys() >= {*frame["uid"]}
    assert ready_pods(run, np.inf) == 0


def test_what_the_api_refuses_is_told_with_its_number() -> None:
    """An object over its quota, and a workload that is not there, are notes."""
    quota = msgspec.convert(
        {
            "metadata": {"name": "few", "namespace": "default"},
            "spec": {"hard": {"count/deployments.apps": 0}},
        },
        ResourceQuota,
    )
    run = told(
        [Action(5.0, [web(1)], scales=[("Deployment", "default", "nobody", 2)])],
        [quota],
    )
    first, second = sorted(run.record.notes)

    assert "1 × apply Deployment was refused, first at 5" in first
    assert "exceeded quota" in first
    assert "1 × scale Deployment was refused" in second
    assert "NotFound" in second


@pytest.mark.parametrize("what", ["updates of pods", "pods of groups"])
def test_what_only_replays_have_is_refused(what: str) -> None:
    """Nothing of a workload is left out silently."""
    group = {"podGroupName": "gang"}
    spec = {"schedulingGroup": group} if "groups" in what else {}
    pod = msgspec.convert({"metadata": {"name": "a"}, "spec": spec}, Pod)
    updates = [PodUpdate(1.0, 0, 0)] if "updates" in what else []
    given = Workload(
        "test", nodes(1), PodStream.of([default_pod(pod)]), [], pod_updates=updates
    )

    with pytest.raises(NotModelledError, match=f"{what} are not modelled end to end"):
        end_to_end(
            encode(given),
            make_policy("kube-scheduler"),
            seed=1,
            parameters=Parameters(),
        )


def test_pods_of_one_name_are_told_apart() -> None:
    """A StatefulSet's pod that was deleted and made anew has a number of its own."""
    run = told(
        [
            Action(0.0, [store(2)]),
            Action(60.0, deletions=[("Pod", "default", "store-0")]),
        ]
    )
    pods = run.encoded.workload.pods
    names = [pods.name(pod) for pod in range(len(pods))]
    bound = run.record.pod[run.record.kind == EventKind.BIND]

    assert sorted(names) == ["default/store-0", "default/store-0", "default/store-1"]
    assert sorted(bound.tolist()) == [0, 1, 2]
    assert (np.diff(pods.arrival) >= 0).all()


def test_nodes_that_come_later_have_slots_of_their_own() -> None:
    """The log names nodes as the workload that came to pass numbers them."""
    late = nodes(6)[5]
    run = told([Action(60.0, [web(12)])], node_events=[NodeEvent(30.0, "add", late)])
    made = run.record.kind == EventKind.BIND
    used = {run.encoded.node_names[slot] for slot in run.record.node[made]}

    assert run.encoded.node_names[-1] == "n5"
    assert "n5" in used
    assert [event.node.metadata.name for event in run.encoded.workload.node_events] == [
        "n5"
    ]


def test_load_is_looked_at_every_second_from_time_0() -> None:
    """Rates and depths of a run, and none for the time in which nothing happens."""
    run = told([Action(0.0, [web(4)]), Action(300.0, scales=[
        ("Deployment", "default", "web", 8)
    ])])  # fmt: skip
    assert run.load is not None
    load = run.load.frame()
    busy = load[load["rate_api_write"] > 0]

    assert load["time"].min() == 0.0
    assert (load["time"] % 1.0 == 0.0).all()
    assert len(load) < 200
    assert busy["time"].max() > 300.0
    assert (load["depth_nodes"] == 5).all()
