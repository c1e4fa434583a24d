"""Outside traffic: every request is served by a ready back-end or dropped."""

from __future__ import annotations

import pytest
from fake_api import FakeApi
from hypothesis import given, settings
from hypothesis import strategies as st

from schedbench.addons.ingress import SERVICE_NAME, Ingress
from schedbench.clock import Clock
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import NO_LATENCY, IngressParameters
from schedbench.objects.discovery import Endpoint, EndpointConditions, EndpointSlice
from schedbench.objects.meta import ObjectMeta

WEB = "shop/web"


class Bench:
    """An ingress controller over a fake API."""

    def __init__(self, parameters: IngressParameters = NO_LATENCY.ingress) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.ingress = Ingress(self.clock, self.api, parameters, seed=1)

    def ready(self, *addresses: str, slow: tuple[str, ...] = ()) -> None:
        conditions = {**dict.fromkeys(addresses, True), **dict.fromkeys(slow, False)}
        item = EndpointSlice(
            metadata=ObjectMeta(
                name="web-x", namespace="shop", labels={SERVICE_NAME: "web"}
            ),
            endpoints=[
                Endpoint(addresses=[ip], conditions=EndpointConditions(ready=ready))
                for ip, ready in conditions.items()
            ],
        )
        known = bool(self.api.of("EndpointSlice"))
        (self.api.update if known else self.api.create)(item)


def test_requests_are_spread_evenly_over_ready_back_ends():
    """Ten a second for ten seconds over two of three are fifty each."""
    bench = Bench()
    bench.ready("a", "b", slow=("c",))
    bench.ingress.set_rate(WEB, 10.0)
    bench.clock.run(10)

    found = bench.ingress.served(WEB)
    assert (found.offered, found.served, found.dropped) == (100.0, 100.0, 0.0)
    assert found.by_address == {"a": 50.0, "b": 50.0}
    assert bench.ingress.rate_at(WEB, "a") == 5.0
    assert bench.ingress.rate_at(WEB, "c") == 0.0


def test_requests_are_dropped_while_nobody_is_routable():
    """From the first request to the first ready back-end, and after the last."""
    bench = Bench()
    bench.ingress.set_rate(WEB, 2.0)
    bench.clock.run(5)
    bench.ready("a")
    bench.clock.run(8)
    bench.ready(slow=("a",))
    bench.clock.run(9)

    found = bench.ingress.served(WEB)
    assert (found.dropped, found.by_address) == (12.0, {"a": 6.0})


def test_a_back_end_that_comes_back_goes_on_counting():
    """Its requests of before are kept."""
    bench = Bench()
    bench.ingress.set_rate(WEB, 1.0)
    for until, addresses in [(10, ["a"]), (20, ["b"]), (30, ["a"])]:
        bench.ready(*addresses)
        bench.clock.run(until)

    assert bench.ingress.served(WEB).by_address == {"a": 20.0, "b": 10.0}


def test_requests_cost_no_events():
    """A million requests a second are one multiplication."""
    bench = Bench()
    bench.ready("a")
    bench.clock.run(1)
    events = bench.clock.events
    bench.ingress.set_rate(WEB, 1e6)
    bench.clock.run(3601)

    assert bench.ingress.served(WEB).served == 3.6e9
    assert bench.clock.events == events


def test_changes_reach_traffic_at_the_sync_rate():
    """The first change is synced at once, those after it together a period later."""
    bench = Bench(IngressParameters(sync_qps=0.5, sync=Latency(0.25)))
    bench.ready("a")
    bench.clock.run(0.2)
    assert bench.ingress.backends(WEB) == ()
    bench.clock.run(0.25)
    assert bench.ingress.backends(WEB) == ("a",)
    bench.ready("a", "b")
    bench.clock.run(1)
    bench.ready("b", "c")
    bench.clock.run(2.2)
    assert bench.ingress.backends(WEB) == ("a",)
    bench.clock.run(2.25)

    assert bench.ingress.backends(WEB) == ("b", "c")


def test_a_crashed_controller_drops_everything_until_it_has_listed_again():
    """What was under way when it crashed never comes."""
    bench = Bench(IngressParameters(sync_qps=0.0, sync=Latency(1.0)))
    bench.ingress.set_rate(WEB, 1.0)
    bench.ready("a")
    bench.clock.run(11)
    bench.ready("a", "b")
    bench.clock.run(11.5)
    bench.ingress.stop()
    bench.clock.run(21.5)
    assert bench.ingress.backends(WEB) == ()
    bench.ingress.start()
    bench.clock.run(23.5)

    assert bench.ingress.backends(WEB) == ("a", "b")
    assert bench.ingress.served(WEB).dropped == pytest.approx(1 + 10 + 1)


def test_an_unknown_service_gets_nothing():
    """No rate was set, no request came."""
    found = Bench().ingress.served("shop/none")

    assert (found.offered, found.by_address) == (0.0, {})


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 100),
            st.floats(0, 1000),
            st.frozensets(st.sampled_from("abcd")),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_request_is_lost_or_doubled(steps):
    """Served and dropped add up to rate × time, whatever changes."""
    bench = Bench()
    offered = 0.0
    for seconds, rate, addresses in steps:
        bench.ready(*sorted(addresses))
        bench.ingress.set_rate(WEB, rate)
        bench.clock.run(bench.clock.now + seconds)
        offered += rate * seconds
    found = bench.ingress.served(WEB)

    assert found.offered == pytest.approx(offered)
    assert found.served == pytest.approx(sum(found.by_address.values()))
