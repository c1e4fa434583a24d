"""Quotas: what is used of them."""

from __future__ import annotations

import pytest
from cluster_cases import edit, manager, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.resource_quota import ResourceQuotas
from schedbench.objects.controllers import Service
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.policy import ResourceQuota, ResourceQuotaSpec


def world(hard: dict[str, str], scopes=(), selector=None):
    clock = Clock()
    api = FakeApi(clock)
    for i in range(3):
        item = pod(f"p{i}", cpu="250m")
        item.spec.priority_class_name = "low" if i else "high"
        api.create(item)
    spec = ResourceQuotaSpec(hard=hard, scopes=list(scopes), scope_selector=selector)
    api.create(ResourceQuota(metadata=ObjectMeta(namespace="ns", name="q"), spec=spec))
    manager(clock, api, ResourceQuotas)
    clock.run(until=1)
    return clock, api


def used(api: FakeApi) -> dict[str, object]:
    return api.of("ResourceQuota")[0].status.used


def test_requests_and_objects_are_counted() -> None:
    """A quota limits the sum of requests and the number of objects."""
    clock, api = world({"requests.cpu": "2", "pods": "10", "services": "5"})
    api.create(Service(metadata=ObjectMeta(namespace="ns", name="s")))
    api.create(Service(metadata=ObjectMeta(namespace="other", name="s")))
    clock.run(until=2)

    assert used(api) == {"requests.cpu": "750m", "pods": "3", "services": "1"}


def test_what_finished_or_went_is_given_back() -> None:
    """Pods in a terminal state do not count; deleted ones neither."""
    clock, api = world({"cpu": "2", "pods": "10", "count/pods": "10"})
    edit(api, "Pod", "p0", "status", phase="Succeeded")
    api.delete("Pod", "ns", "p1")
    clock.run(until=2)

    assert used(api) == {"cpu": "250m", "pods": "1", "count/pods": "2"}


def test_a_scope_leaves_out_pods_it_does_not_cover() -> None:
    """BestEffort covers only pods that ask for nothing."""
    _, api = world({"pods": "10"}, ["BestEffort"])

    assert used(api) == {"pods": "0"}


@pytest.mark.parametrize(
    ("operator", "values", "counted"),
    [("In", ["high"], 1), ("NotIn", ["high"], 2), ("Exists", [], 3)],
)
def test_a_quota_per_priority_class(operator, values, counted) -> None:
    """A scopeSelector covers the pods of some priority classes alone."""
    term = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    _, api = world({"pods": "10"}, selector={"matchExpressions": [term]})

    assert used(api) == {"pods": str(counted)}


def test_a_status_that_is_right_is_not_written() -> None:
    """Nothing is written when nothing changes."""
    clock, api = world({"pods": "10"})
    writes = api.calls.count(("update", "ResourceQuota"))
    edit(api, "Pod", "p0", "metadata", labels={"a": "b"})
    clock.run(until=100)

    assert api.calls.count(("update", "ResourceQuota")) == writes
