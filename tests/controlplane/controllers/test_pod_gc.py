"""Pods that nobody else deletes."""

from __future__ import annotations

import dataclasses

from cluster_cases import edit, manager, node, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.pod_gc import PodGc
from schedbench.controlplane.parameters import (
    NO_LATENCY,
    ClusterControllerParameters,
    PodGcParameters,
)


def names(api: FakeApi) -> set[str]:
    return {p.metadata.name for p in api.of("Pod")}


def test_pods_of_a_node_that_is_gone_are_deleted_after_quarantine() -> None:
    """PodGC cleans up pods bound to a node which no longer exists."""
    clock = Clock()
    api = FakeApi(clock)
    api.create(node("a"))
    api.create(node("b"))
    api.create(pod("p", "a", phase="Running"))
    api.create(pod("q", "b", phase="Running"))
    manager(clock, api, PodGc)
    clock.run(until=100)
    quiet = clock.events
    api.delete("Node", "", "a")
    clock.run(until=139)
    before = names(api)
    clock.run(until=165)

    assert before == {"p", "q"}
    assert names(api) == {"q"}
    assert quiet < 20


def test_an_orphan_is_marked_as_failed_first() -> None:
    """PodGC marks pods as failed, with a condition, before it deletes them."""
    clock = Clock()
    api = FakeApi(clock)
    api.create(pod("p", "nowhere", phase="Running"))
    seen = []
    api.watch("Pod", lambda event: seen.append((event.type, event.object.status.phase)))
    manager(clock, api, PodGc)
    clock.run(until=200)

    assert seen == [("ADDED", "Running"), ("MODIFIED", "Failed"), ("DELETED", "Failed")]


def test_the_oldest_finished_pods_go_when_there_are_too_many() -> None:
    """When terminated pods exceed the threshold the surplus is deleted."""
    clock = Clock()
    api = FakeApi(clock)
    api.create(node("a"))
    for i in range(5):
        api.create(pod(f"p{i}", "a", phase="Succeeded"))
    cluster = ClusterControllerParameters(
        pod_gc=PodGcParameters(terminated_pod_threshold=3)
    )
    parameters = dataclasses.replace(NO_LATENCY, cluster_controllers=cluster)
    manager(clock, api, PodGc, parameters=parameters)
    clock.run(until=60)

    assert names(api) == {"p2", "p3", "p4"}


def test_a_terminating_pod_that_was_never_scheduled_goes() -> None:
    """PodGC cleans up unscheduled terminating pods."""
    clock = Clock()
    api = FakeApi(clock)
    api.create(pod("p"))
    edit(api, "Pod", "p", "metadata", finalizers=["x/y"])
    api.delete("Pod", "ns", "p")
    manager(clock, api, PodGc)
    clock.run(until=50)

    assert ("delete", "Pod") in api.calls[2:]
