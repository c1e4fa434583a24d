from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import PROXY_COSTS, Proxy
from schedbench.node.proxy import ProxyFleet, choose_backend, sync_seconds
from schedbench.objects.discovery import Endpoint, EndpointConditions, EndpointSlice
from schedbench.objects.meta import ObjectMeta, ObjectReference

READY = EndpointConditions(ready=True, serving=True, terminating=False)


def told(fleet: ProxyFleet, *addresses: str, service: str = "s", **conditions) -> None:
    """Tell of a service's endpoints: ready, unless other conditions are named."""
    endpoints = [
        Endpoint(
            addresses=[address],
            conditions=conditions.get(address, READY),
            target_ref=ObjectReference(kind="Pod", namespace="d", name=address),
        )
        for address in addresses
    ]
    meta = ObjectMeta(
        name=service, namespace="d", labels={"kubernetes.io/service-name": service}
    )
    item = EndpointSlice(metadata=meta, endpoints=endpoints)
    fleet._slice_changed(WatchEvent("MODIFIED", item, None, 1))


def fleet(stamps: list[Any] | None = None, **given: Any) -> ProxyFleet:
    clock = Clock()
    stamps = [] if stamps is None else stamps
    return ProxyFleet(
        clock,
        FakeApi(clock),
        dataclasses.replace(Proxy(), **given),
        1,
        lambda: 100,
        lambda pod, hop: stamps.append((pod.key, hop, clock.now)),
    )


def test_changes_within_the_least_period_are_one_round() -> None:
    """Rules are written at most once in minSyncPeriod, with all that changed."""
    proxies = fleet()
    for index in range(20):
        proxies.clock.at(index / 10, told, proxies, *map(str, range(index + 1)))
    proxies.clock.run()

    assert proxies.rounds == 3
    assert len(proxies.backends["d/s"]) == 20


def test_ipvs_has_no_least_period_by_default() -> None:
    """Only iptables and nftables wait a second between two rounds by default."""
    rounds = {}
    for mode in PROXY_COSTS:
        proxies = fleet(mode=mode)
        for index in range(20):
            proxies.clock.at(index / 10, told, proxies, *map(str, range(index + 1)))
        proxies.clock.run()
        rounds[mode] = proxies.rounds

    assert rounds["ipvs"] == 20
    assert rounds["iptables"] == rounds["nftables"] == rounds["userspace"] == 3


def test_a_pod_is_routable_when_the_share_of_nodes_route() -> None:
    """Nodes route one after another; the stamp is of the stated share of them."""
    stamps: list[Any] = []
    proxies = fleet(stamps, share=0.5)
    told(proxies, "a")
    assert proxies.routable_at("d/s", "a", "n1") == math.inf
    proxies.clock.run()
    times = [proxies.routable_at("d/s", "a", f"n{index}") for index in range(400)]
    half = proxies.routable_by("d/s", "a", 0.5)

    assert [stamp[:2] for stamp in stamps] == [("d/a", "routable")]
    assert stamps[0][2] == pytest.approx(half)
    assert 150 < sum(time <= half for time in times) < 250
    assert proxies.routable_by("d/s", "a") > half


def test_a_backend_that_leaves_is_routed_to_no_more() -> None:
    """An endpoint that is gone from its slice is gone after the next round."""
    proxies = fleet()
    told(proxies, "a", "b")
    proxies.clock.run(10)
    told(proxies, "b")
    proxies.clock.run(20)

    assert list(proxies.backends["d/s"]) == ["b"]
    assert {proxies.choose("d/s", node="n") for _ in range(9)} == {"b"}


def test_backends_that_leave_are_used_when_there_are_no_others() -> None:
    """Terminating endpoints that still serve get traffic if none is ready."""
    leaves = EndpointConditions(ready=False, serving=True, terminating=True)
    silent = EndpointConditions(ready=False, serving=False, terminating=True)
    proxies = fleet()
    told(proxies, "a", "b", "c", a=leaves, b=silent)
    proxies.clock.run(10)
    with_others = list(proxies.backends["d/s"])
    told(proxies, "a", "b", a=leaves, b=silent)
    proxies.clock.run(20)
    alone = list(proxies.backends["d/s"])
    told(proxies, "a", "b", a=silent, b=silent)
    proxies.clock.run(30)

    assert (with_others, alone) == (["c"], ["a"])
    assert proxies.choose("d/s") is None


def test_nftables_costs_less_than_iptables_in_a_large_cluster() -> None:
    """iptables walks all services in every round, nftables what changed."""
    seconds = {
        mode: sync_seconds(cost, 30_000, 300_000, 10)
        for mode, cost in PROXY_COSTS.items()
    }

    assert seconds["nftables"] < seconds["ipvs"]
    assert seconds["nftables"] < seconds["iptables"] < seconds["userspace"]


def test_backends_are_chosen_as_the_mode_does() -> None:
    """userspace and ipvs go round; iptables and nftables choose at random."""
    draws = Draws(1, "test")
    three = ["a", "b", "c"]
    for mode in ("ipvs", "userspace"):
        chosen = [choose_backend(mode, three, turn, draws) for turn in range(6)]
        assert chosen == three * 2
    for mode in ("iptables", "nftables"):
        chosen = [choose_backend(mode, three, 0, draws) for _ in range(300)]
        assert min(chosen.count(name) for name in three) > 60
    hashed = {
        choose_backend("ipvs", three, turn, draws, scheduler="sh", client="10.0.0.7")
        for turn in range(9)
    }

    assert len(hashed) == 1
    assert choose_backend("iptables", [], 0, draws) is None
