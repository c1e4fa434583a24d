"""Endpoints: all of a service's pods in one object."""

from __future__ import annotations

import dataclasses

from cluster_cases import edit, manager, pod
from fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.controllers.endpoints import EndpointsController
from schedbench.controlplane.parameters import (
    NO_LATENCY,
    ClusterControllerParameters,
    EndpointsParameters,
)
from schedbench.objects.controllers import Service, ServicePort, ServiceSpec
from schedbench.objects.discovery import Endpoints
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import PodCondition

APP = {"app": "web"}


def service(**spec) -> Service:
    ports = [ServicePort(port=80, target_port=8080)]
    given = {"selector": APP, "cluster_ip": "10.96.0.1"} | spec
    return Service(
        metadata=ObjectMeta(namespace="ns", name="web", labels={"team": "a"}),
        spec=ServiceSpec(ports=ports, **given),
    )


def world(pods: int = 0, **spec):
    clock = Clock()
    api = FakeApi(clock)
    api.create(service(**spec))
    for i in range(pods):
        api.create(pod(f"p{i}", "n", ready=True, labels=APP, ip=f"10.0.{i:04}"))
    running = manager(clock, api, EndpointsController)
    clock.run(until=1)
    return clock, api, running


def written(api: FakeApi) -> tuple[list[str], list[str]]:
    """Return the names of the ready and the other pods."""
    found: tuple[list[str], list[str]] = ([], [])
    for subset in api.of("Endpoints")[0].subsets:
        found[0].extend(one.target_ref.name for one in subset.addresses)
        found[1].extend(one.target_ref.name for one in subset.not_ready_addresses)
    return found


def set_ready(api: FakeApi, name: str, ready: bool) -> None:
    conditions = [PodCondition(type="Ready", status=str(ready))]
    edit(api, "Pod", name, "status", conditions=conditions)


def test_a_service_has_endpoints_of_its_name():
    """They have the service's labels and its target ports."""
    _, api, _ = world(2)
    made = api.of("Endpoints")[0]

    assert (made.metadata.name, made.metadata.labels) == ("web", {"team": "a"})
    assert [port.port for port in made.subsets[0].ports] == [8080]
    assert [one.ip for one in made.subsets[0].addresses] == ["10.0.0000", "10.0.0001"]


def test_pods_that_are_not_ready_are_named_apart():
    """Addresses of ready pods take traffic, those of others are notReadyAddresses."""
    clock, api, _ = world(3)
    set_ready(api, "p1", False)
    clock.run(until=2)

    assert written(api) == (["p0", "p2"], ["p1"])


def test_pods_that_leave_are_no_endpoints():
    """Unlike in EndpointSlices a terminating pod is not written down."""
    clock, api, _ = world(2)
    api.delete("Pod", "ns", "p0")
    clock.run(until=2)

    assert written(api) == (["p1"], [])


def test_a_service_may_publish_pods_that_are_not_ready():
    """With publishNotReadyAddresses all count as ready, also those that leave."""
    clock, api, _ = world(2, publish_not_ready_addresses=True)
    set_ready(api, "p0", False)
    api.delete("Pod", "ns", "p1")
    clock.run(until=2)

    assert written(api) == (["p0", "p1"], [])


def test_more_than_a_thousand_are_truncated():
    """An annotation says so; ready addresses come first."""
    clock, api, _ = world(1002)
    for i in range(1001):
        set_ready(api, f"p{i}", i < 990)
    clock.run(until=2)
    ready, unready = written(api)
    made = api.of("Endpoints")[0].metadata

    assert (len(ready), len(unready)) == (991, 9)
    assert made.annotations == {"endpoints.kubernetes.io/over-capacity": "truncated"}


def test_services_without_selector_are_left_to_their_owners():
    """Neither they nor external names get endpoints."""
    _, api, _ = world(2, selector={})
    _, external, _ = world(2, type="ExternalName")

    assert api.of("Endpoints") == []
    assert external.of("Endpoints") == []


def test_headless_services_are_labelled():
    """Endpoints of a service without address have a label."""
    _, api, _ = world(1, cluster_ip="None")

    assert "service.kubernetes.io/headless" in api.of("Endpoints")[0].metadata.labels


def test_endpoints_go_with_their_service_and_come_back_if_deleted():
    """The controller deletes them with the service, and makes what is missing."""
    clock, api, _ = world(1)
    api.delete("Endpoints", "ns", "web")
    clock.run(until=2)
    back = len(api.of("Endpoints"))
    api.delete("Service", "ns", "web")
    clock.run(until=3)

    assert back == 1
    assert api.of("Endpoints") == []


def test_endpoints_whose_service_went_in_an_outage_are_deleted():
    """Leftovers are found when the controller comes up."""
    clock, api, running = world(1)
    running.stop()
    api.delete("Service", "ns", "web")
    running.start()
    clock.run(until=3)

    assert api.of("Endpoints") == []


def test_changes_wait_for_each_other_in_a_batch():
    """With a batch period, changes of pods within it are written once."""
    clock = Clock()
    api = FakeApi(clock)
    api.create(service())
    cluster = ClusterControllerParameters(
        endpoints=EndpointsParameters(updates_batch_period=0.5)
    )
    parameters = dataclasses.replace(NO_LATENCY, cluster_controllers=cluster)
    manager(clock, api, EndpointsController, parameters=parameters)
    clock.run(until=1)
    for i in range(10):
        item = pod(f"p{i}", "n", ready=True, labels=APP, ip=f"10.0.{i:04}")
        clock.at(1 + i / 100, api.create, item)
    clock.run(until=3)

    assert api.calls.count(("patch", "Endpoints")) == 1
    assert len(written(api)[0]) == 10


def test_a_restart_writes_nothing_that_is_right():
    """What is as it should be is not written again."""
    clock, api, running = world(3)
    running.stop()
    calls = len(api.calls)
    running.start()
    clock.run(until=5)

    assert [call for call in api.calls[calls:] if call[0] != "list"] == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["create", "ready", "unready", "leave", "gone", "label"]),
            st.integers(0, 5),
        ),
        max_size=25,
    )
)
def test_endpoints_follow_the_pods(steps):
    """Whatever happens to pods, the object ends as a look at all of them says."""
    clock, api, _ = world(3)
    for what, i in steps:
        name = f"p{i}"
        if what == "create":
            api.create(pod(name, "n", ready=False, labels=APP, ip=f"10.0.{i:04}"))
        elif what in {"ready", "unready"}:
            if ("Pod", "ns", name) in api.objects:
                set_ready(api, name, what == "ready")
        elif what == "label":
            edit(api, "Pod", name, "metadata", labels={"app": "other"})
        else:
            api.delete("Pod", "ns", name, grace=0 if what == "gone" else None)
        clock.run(until=clock.now + 0.1)
    clock.run(until=clock.now + 5)

    serving = [
        item
        for item in sorted(api.of("Pod"), key=lambda item: item.status.pod_ip)
        if item.metadata.labels == APP and item.metadata.deletion_timestamp is None
    ]
    ready = [
        p.metadata.name for p in serving if p.status.conditions[0].status == "True"
    ]
    others = [p.metadata.name for p in serving if p.metadata.name not in ready]

    assert isinstance(api.of("Endpoints")[0], Endpoints)
    assert written(api) == (ready, others)
