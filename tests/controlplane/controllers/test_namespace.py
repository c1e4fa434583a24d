"""Namespaces and their service accounts."""

from __future__ import annotations

from cluster_cases import manager, pod
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.namespace import Namespaces
from schedbench.controlplane.controllers.service_account import ServiceAccounts
from schedbench.objects.controllers import Service
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.policy import Namespace


def world(*controllers):
    clock = Clock()
    api = FakeApi(clock)
    api.create(Namespace(metadata=ObjectMeta(name="ns")))
    manager(clock, api, *controllers)
    clock.run(until=1)
    return clock, api


def test_every_namespace_gets_a_default_service_account() -> None:
    """The controller ensures that an account named default exists in each namespace."""
    clock, api = world(ServiceAccounts)
    api.create(Namespace(metadata=ObjectMeta(name="later")))
    clock.run(until=2)

    found = [account.key for account in api.of("ServiceAccount")]

    assert found == ["ns/default", "later/default"]


def test_a_deleted_default_account_comes_back() -> None:
    """The default account is created anew when it is deleted."""
    clock, api = world(ServiceAccounts)
    api.delete("ServiceAccount", "ns", "default")
    clock.run(until=2)

    assert [account.key for account in api.of("ServiceAccount")] == ["ns/default"]


def test_a_namespace_goes_when_its_contents_are_gone() -> None:
    """A deleted namespace is Terminating until everything in it is deleted."""
    clock, api = world(Namespaces, ServiceAccounts)
    api.create(pod("p", "node"))
    api.create(pod("q"))
    api.create(Service(metadata=ObjectMeta(namespace="ns", name="s")))
    api.delete("Namespace", "", "ns")
    clock.run(until=10)
    during = [(n.key, n.status.phase) for n in api.of("Namespace")]
    left = [p.key for p in api.of("Pod")]
    api.delete("Pod", "ns", "p", grace=0)
    clock.run(until=60)

    assert during == [("ns", "Terminating")]
    assert left == ["ns/p"]
    assert api.objects == {}


def test_other_namespaces_are_left_alone() -> None:
    """Only the contents of the deleted namespace go."""
    clock, api = world(Namespaces)
    other = Service(metadata=ObjectMeta(namespace="other", name="s"))
    api.create(other)
    api.delete("Namespace", "", "ns")
    clock.run(until=60)

    assert [s.key for s in api.of("Service")] == ["other/s"]
