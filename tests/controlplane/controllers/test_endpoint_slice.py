"""EndpointSlices: a service's pods, a hundred to a slice."""

from __future__ import annotations

import dataclasses

from cluster_cases import edit, manager, pod
from fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.controllers.endpoint_slice import EndpointSlices
from schedbench.controlplane.parameters import (
    NO_LATENCY,
    ClusterControllerParameters,
    EndpointSliceParameters,
)
from schedbench.objects.controllers import Service, ServicePort, ServiceSpec
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import PodCondition

APP = {"app": "web"}


def service(**spec) -> Service:
    ports = [ServicePort(port=80, target_port=8080)]
    return Service(
        metadata=ObjectMeta(namespace="ns", name="web"),
        spec=ServiceSpec(selector=APP, ports=ports, **spec),
    )


def world(pods: int = 0, parameters=NO_LATENCY, **spec):
    clock = Clock()
    api = FakeApi(clock)
    api.create(service(**spec))
    for i in range(pods):
        api.create(pod(f"p{i}", "n", ready=True, labels=APP, ip=f"10.0.0.{i}"))
    running = manager(clock, api, EndpointSlices, parameters=parameters)
    clock.run(until=1)
    return clock, api, running


def endpoints(api: FakeApi) -> dict[str, tuple]:
    found: dict[str, tuple] = {}
    for item in api.of("EndpointSlice"):
        for e in item.endpoints:
            assert e.target_ref.name not in found
            c = e.conditions
            found[e.target_ref.name] = (c.ready, c.serving, c.terminating)
    return found


def sizes(api: FakeApi) -> list[int]:
    return sorted(len(item.endpoints) for item in api.of("EndpointSlice"))


def test_a_slice_holds_at_most_a_hundred_endpoints() -> None:
    """By default a slice has no more than 100 endpoints."""
    _, api, _ = world(250)

    assert sizes(api) == [50, 100, 100]


def test_slices_belong_to_their_service() -> None:
    """A slice is labelled with its service's name and owned by the service."""
    _, api, _ = world(1)
    item = api.of("EndpointSlice")[0]

    assert item.metadata.labels["kubernetes.io/service-name"] == "web"
    assert item.metadata.owner_references[0].kind == "Service"
    assert [p.port for p in item.ports] == [8080]


def test_ready_serving_and_terminating() -> None:
    """A terminating pod that still answers is serving but not ready."""
    clock, api, _ = world(2)
    unready = [PodCondition(type="Ready", status="False")]
    edit(api, "Pod", "p0", "status", conditions=unready)
    api.delete("Pod", "ns", "p1")
    clock.run(until=2)

    assert endpoints(api) == {
        "p0": (False, False, False),
        "p1": (False, True, True),
    }


def test_a_service_may_publish_pods_that_are_not_ready() -> None:
    """With publishNotReadyAddresses every endpoint is ready, but not serving."""
    clock, api, _ = world(0, publish_not_ready_addresses=True)
    api.create(pod("p", "n", ready=False, labels=APP, ip="10.0.0.1"))
    clock.run(until=2)

    assert endpoints(api) == {"p": (True, False, False)}


def test_changes_wait_for_each_other_in_a_batch() -> None:
    """With a batch period, changes of pods within it are written once."""
    cluster = ClusterControllerParameters(
        endpoint_slice=EndpointSliceParameters(updates_batch_period=0.5)
    )
    clock, api, _ = world(
        1, dataclasses.replace(NO_LATENCY, cluster_controllers=cluster)
    )
    clock.run(until=3)
    before = api.calls.count(("patch", "EndpointSlice"))
    for i in range(1, 10):
        ip = f"10.0.0.{i}"
        clock.at(3 + i / 100, api.create, pod(f"p{i}", "n", labels=APP, ip=ip))
    clock.run(until=3.4)
    during = api.calls.count(("patch", "EndpointSlice"))
    clock.run(until=5)

    assert during == before
    assert api.calls.count(("patch", "EndpointSlice")) == before + 1
    assert sizes(api) == [10]


def test_a_restarted_controller_takes_over_the_slices_that_are_there() -> None:
    """Nothing is written twice after a crash."""
    clock, api, running = world(120)
    running.stop()
    api.delete("Pod", "ns", "p7", grace=0)
    running.start()
    clock.run(until=5)

    assert sizes(api) == [20, 99]
    assert "p7" not in endpoints(api)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["create", "ready", "unready", "leave", "gone", "label"]),
            st.integers(0, 5),
        ),
        max_size=25,
    )
)
def test_slices_follow_the_pods(steps) -> None:
    """Whatever happens to pods, the slices end as a look at all of them says."""
    cluster = ClusterControllerParameters(
        endpoint_slice=EndpointSliceParameters(max_endpoints_per_slice=2)
    )
    clock, api, _ = world(
        3, dataclasses.replace(NO_LATENCY, cluster_controllers=cluster)
    )
    for what, i in steps:
        name = f"p{i}"
        if what == "create":
            ip = f"10.0.0.{i}"
            api.create(pod(name, "n", ready=False, labels=APP, ip=ip))
        elif what in {"ready", "unready"}:
            status = str(what == "ready")
            edit(
                api,
                "Pod",
                name,
                "status",
                conditions=[PodCondition(type="Ready", status=status)],
            )
        elif what == "label":
            edit(api, "Pod", name, "metadata", labels={"app": "other"})
        else:
            api.delete("Pod", "ns", name, grace=0 if what == "gone" else None)
        clock.run(until=clock.now + 0.1)
    clock.run(until=clock.now + 5)

    expected = {}
    for item in api.of("Pod"):
        if item.metadata.labels == APP:
            serves = item.status.conditions[0].status == "True"
            leaves = item.metadata.deletion_timestamp is not None
            expected[item.metadata.name] = (serves and not leaves, serves, leaves)

    assert endpoints(api) == expected
    assert all(size <= 2 for size in sizes(api))
