"""Services get addresses of their own and keep them."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.controlplane.rules import updated
from schedbench.controlplane.service_addresses import (
    SERVICE_SUBNET,
    ServiceAddresses,
)
from schedbench.objects.controllers import Service


def service(name: str = "web", **spec: Any) -> Service:
    return msgspec.convert({"metadata": {"name": name}, "spec": spec}, Service)


@given(st.lists(st.sampled_from([None, "10.96.0.11", "10.96.0.12", "None"])))
def test_no_address_is_given_twice(asked: list[str | None]) -> None:
    """Neither one that was given before, nor one that a service has asked for."""
    addresses, there = ServiceAddresses(), {}
    given: list[str] = []
    for number, address in enumerate(asked):
        made = addresses.addressed(service(str(number), clusterIP=address), there)
        if address is None:
            assert made.spec.cluster_ip not in {
                other.spec.cluster_ip for other in there.values()
            }
            given.append(made.spec.cluster_ip)
        there[str(number)] = made
    subnet = ipaddress.ip_network(SERVICE_SUBNET)

    assert len(set(given)) == len(given)
    assert all(ipaddress.ip_address(one) in subnet for one in given)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"clusterIP": "None"}, id="a headless service"),
        pytest.param({"clusterIP": "10.96.7.7"}, id="one that names its address"),
        pytest.param({"type": "ExternalName"}, id="an alias"),
    ],
)
def test_who_wants_no_address_gets_none(spec: dict[str, str]) -> None:
    """The service is left as it is."""
    item = service(**spec)

    assert ServiceAddresses().addressed(item, {}) is item


def test_an_update_without_an_address_keeps_it() -> None:
    """As a manifest that is applied again says nothing of it."""
    old = service(clusterIP="10.96.0.10", ports=[{"port": 80}])
    new, gone = updated(old, service(ports=[{"port": 81}]), "")

    assert isinstance(new, Service)
    assert not gone
    assert (new.spec.cluster_ip, new.spec.ports[0].port) == ("10.96.0.10", 81)
