"""Disruption budgets: what they allow."""

from __future__ import annotations

import msgspec
import pytest
from cluster_cases import edit, manager, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.disruption import Disruption, budget_status
from schedbench.objects.controllers import ReplicaSet, ReplicaSetSpec
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import PodCondition
from schedbench.objects.policy import PodDisruptionBudget, PodDisruptionBudgetSpec
from schedbench.objects.selectors import LabelSelector

APP = {"app": "web"}


def budget(**spec) -> PodDisruptionBudget:
    return PodDisruptionBudget(
        metadata=ObjectMeta(namespace="ns", name="b"),
        spec=PodDisruptionBudgetSpec(selector=LabelSelector(match_labels=APP), **spec),
    )


def world(ready: int, replicas: int, **spec):
    clock = Clock()
    api = FakeApi(clock)
    uid = "rs-uid"
    rs = ReplicaSet(
        metadata=ObjectMeta(namespace="ns", name="rs", uid=uid),
        spec=ReplicaSetSpec(replicas=replicas),
    )
    api.create(rs)
    for i in range(replicas):
        owner = ("ReplicaSet", "rs", uid)
        api.create(pod(f"p{i}", "n", ready=i < ready, labels=APP, owner=owner))
    api.create(budget(**spec))
    manager(clock, api, Disruption)
    clock.run(until=1)
    return clock, api


def status(api: FakeApi) -> tuple[int, int, int, int]:
    s = api.of("PodDisruptionBudget")[0].status
    return s.current_healthy, s.desired_healthy, s.expected_pods, s.disruptions_allowed


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"min_available": 2}, (6, 2, 7, 4)),
        ({"min_available": "50%"}, (6, 4, 7, 2)),
        ({"max_unavailable": 2}, (6, 5, 7, 1)),
        ({"max_unavailable": "30%"}, (6, 4, 7, 2)),
        ({"min_available": "100%"}, (6, 7, 7, 0)),
        ({"max_unavailable": 0}, (6, 7, 7, 0)),
    ],
)
def test_numbers_and_percentages(spec, expected) -> None:
    """A percentage is of the pods wanted, rounded up; only ready pods are healthy."""
    _, api = world(6, 7, **spec)

    assert status(api) == expected


def test_expected_pods_are_those_that_the_controller_wants() -> None:
    """The intended number of pods comes from the replicas of the pods' controller."""
    clock, api = world(4, 4, max_unavailable=1)
    edit(api, "ReplicaSet", "rs", "spec", replicas=10)
    clock.run(until=2)

    assert status(api) == (4, 9, 10, 0)


def test_pods_that_leave_or_fail_use_up_the_budget() -> None:
    """Voluntary or not, pods that are down count against the budget."""
    clock, api = world(4, 4, min_available=2)
    api.delete("Pod", "ns", "p0")
    edit(
        api,
        "Pod",
        "p1",
        "status",
        conditions=[PodCondition(type="Ready", status="False")],
    )
    clock.run(until=2)

    assert status(api) == (2, 2, 4, 0)


def test_an_evicted_pod_that_stays_counts_again_after_two_minutes() -> None:
    """Pods in disruptedPods are taken as gone for two minutes at most."""
    clock, api = world(4, 4, min_available=2)

    def evicting(item):
        new = msgspec.structs.replace(item.status, disrupted_pods={"p0": "now"})
        return msgspec.structs.replace(item, status=new)

    api.patch("PodDisruptionBudget", "ns", "b", evicting, subresource="status")
    clock.run(until=100)
    during = status(api)
    clock.run(until=130)

    assert during == (3, 2, 4, 1)
    assert status(api) == (4, 2, 4, 2)
    assert api.of("PodDisruptionBudget")[0].status.disrupted_pods == {}


def test_a_budget_without_pods_allows_nothing() -> None:
    """With no expected pods nothing may be disrupted."""
    found = budget_status(
        budget(min_available=0), pods=0, scale=0, healthy=0, disrupted={}
    )

    assert found.disruptions_allowed == 0
