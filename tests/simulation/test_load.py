"""Requests over time: what comes, who gets it, what it costs, what nobody serves."""

from __future__ import annotations

import itertools
import math

import msgspec
import pytest
from fake_api import FakeApi
from hypothesis import given
from hypothesis import strategies as st

from schedbench.addons.ingress import SERVICE_NAME, Ingress
from schedbench.clock import Clock
from schedbench.controlplane.parameters import NO_LATENCY
from schedbench.errors import InputError
from schedbench.objects.discovery import Endpoint, EndpointConditions, EndpointSlice
from schedbench.objects.meta import ObjectMeta
from schedbench.simulation.load import Load, Traffic


def load(**fields: object) -> Load:
    """Read a load as a scenario writes it."""
    whole = {"kind": "constant", "service": "web", "cost": 0.1} | fields
    return msgspec.convert(whole, Load)


class Bench:
    """Loads behind an ingress controller without latencies, over a fake API.

    Every back-end can give as many millicores as its address says; `0` is gone.
    """

    def __init__(self, *loads: Load, seed: int = 1) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.ingress = Ingress(self.clock, self.api, NO_LATENCY.ingress, 1)
        self.traffic = Traffic(
            self.clock,
            self.ingress,
            loads,
            seed,
            free=lambda endpoint: float(endpoint.addresses[0]) or None,
            horizon=50.0,
        )

    def ready(self, *addresses: str) -> None:
        """Let these be the ready endpoints of the service `web`."""
        item = EndpointSlice(
            metadata=ObjectMeta(
                name="web-x", namespace="default", labels={SERVICE_NAME: "web"}
            ),
            endpoints=[
                Endpoint(addresses=[ip], conditions=EndpointConditions(ready=True))
                for ip in addresses
            ],
        )
        known = bool(self.api.of("EndpointSlice"))
        (self.api.update if known else self.api.create)(item)


def rates(kind: Load, until: float) -> list[tuple[float, float]]:
    """Return the rates that a load has, with the time from which each holds."""
    times = itertools.takewhile(lambda time: time < until, kind.times())
    return [(time, kind.rate(time)) for time in times]


def test_a_constant_load_never_changes() -> None:
    """It has one rate, and nothing is told of it but its beginning."""
    bench = Bench(load(requests=7))
    bench.clock.run(100)

    assert {rate for _, rate in rates(load(requests=7), 100)} == {7}
    assert bench.traffic.frame()["time"].tolist() == [0]


def test_a_step_load_changes_at_its_steps_alone() -> None:
    """Before the first step nobody asks for anything."""
    steps = [{"at": 10, "requests": 5}, {"at": 20, "requests": 1}]
    kind = load(kind="step", steps=steps)

    assert kind.rate(9.9) == 0.0
    assert rates(kind, 30) == [(0, 0), (10, 5), (15, 5), (20, 1)]


def test_a_diurnal_load_swings_around_its_mean() -> None:
    """Of a day in four parts: the mean, the peak, the mean, the trough."""
    kind = load(kind="diurnal", mean=10, amplitude=4, period=400, every=1)
    of = dict(rates(kind, 800))

    assert len(of) == 800
    assert [of[t] for t in (0, 100, 200, 300)] == pytest.approx(
        [10, 14, 10, 6], abs=0.04
    )
    assert sum(of.values()) / 800 == pytest.approx(10)


def test_a_shift_makes_the_curve_later() -> None:
    """What was at 0 is at the shift."""
    curve = {"kind": "diurnal", "mean": 10, "amplitude": 4, "period": 400}

    assert load(**curve, shift=90).rate(120) == pytest.approx(load(**curve).rate(30))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"requests": -1}, id="a negative rate"),
        pytest.param({"requests": 1, "cost": 0}, id="requests that cost nothing"),
        pytest.param({"requests": 1, "noise": 1.5}, id="noise below no request"),
        pytest.param({"requests": 1, "foo": 1}, id="an unknown field"),
        pytest.param(
            {"kind": "diurnal", "mean": 1, "amplitude": 2}, id="a deep trough"
        ),
        pytest.param({"kind": "step", "steps": []}, id="no step"),
        pytest.param(
            {
                "kind": "step",
                "steps": [{"at": 9, "requests": 1}, {"at": 3, "requests": 1}],
            },
            id="steps out of order",
        ),
    ],
)
def test_senseless_loads_are_refused(fields: dict[str, object]) -> None:
    """A scenario that cannot be meant is an error when it is read."""
    with pytest.raises(msgspec.ValidationError):
        load(**fields)


def test_two_loads_for_a_service_are_refused() -> None:
    """The name of the service is in the message."""
    with pytest.raises(InputError, match="default/web"):
        Bench(load(requests=1), load(requests=2))


def test_requests_cost_the_pods_that_get_them() -> None:
    """Twelve a second of 0.1 cpu-seconds each are 400 millicores for each of three."""
    bench = Bench(load(requests=12))
    bench.ready("5000", "6000", "7000")
    bench.clock.run(10)

    assert bench.traffic.cpu("6000", 0, 10, math.inf) == pytest.approx(400)
    assert bench.traffic.cpu("6000", 0, 10, 250) == pytest.approx(250)
    assert bench.traffic.cpu("elsewhere", 0, 10, math.inf) == 0.0


def test_the_past_is_averaged_as_it_was() -> None:
    """A back-end that came at 10 s had nothing before, and the other one had more."""
    bench = Bench(load(requests=12))
    bench.ready("5000", "6000")
    bench.clock.run(10)
    bench.ready("5000", "6000", "7000")
    bench.clock.run(30)

    found = {
        (address, begin, end): bench.traffic.cpu(address, begin, end, math.inf)
        for address in ("6000", "7000")
        for begin, end in ((5, 10), (5, 15), (10, 30))
    }
    assert list(found.values()) == pytest.approx([600, 500, 400, 0, 200, 400])


def test_what_a_limit_does_not_allow_goes_unserved() -> None:
    """Of ten a second, one that can serve two leaves three of its five."""
    bench = Bench(load(requests=10))
    bench.ready("200", "9000")
    bench.clock.run(100)

    found = bench.traffic.requests("default/web")
    assert (found.offered, found.dropped) == (1000, 0)
    assert found.overloaded == found.unserved == pytest.approx(300)


def test_a_back_end_that_is_gone_is_passed_over() -> None:
    """The next one serves its share; where nobody is left, nobody does."""
    bench = Bench(load(requests=10))
    bench.ready("0", "900")
    bench.clock.run(100)
    bench.ready("0")
    bench.clock.run(110)

    found = bench.traffic.requests("default/web")
    assert (found.offered, found.dropped) == (1100, 100)
    assert found.overloaded == pytest.approx(100)
    assert bench.traffic.cpu("900", 90, 100, 900) == pytest.approx(900)


def test_noise_strays_as_far_as_it_may_and_is_the_seeds() -> None:
    """Each interval has its own rate around the same mean."""
    noisy = load(requests=100, noise=0.2, every=1)
    bench, same, other = (Bench(noisy, seed=seed) for seed in (1, 1, 2))
    for one in (bench, same, other):
        one.clock.run(999)
    found = bench.traffic.frame()["rate"]

    assert len(found) == 1000
    assert 80 <= found.min() < 82
    assert 118 < found.max() <= 120
    assert found.mean() == pytest.approx(100, rel=0.02)
    assert found.equals(same.traffic.frame()["rate"])
    assert not found.equals(other.traffic.frame()["rate"])


backends = st.lists(
    st.sampled_from(["0", "100", "200", "1000"]), unique=True, max_size=4
)


@given(
    rate=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    ready=st.lists(backends, min_size=1, max_size=6),
)
def test_every_request_is_served_or_counted_as_unserved(
    rate: list[int], ready: list[list[str]]
) -> None:
    """The counts are those of a second-by-second account."""
    steps = [{"at": 3 * i, "requests": n} for i, n in enumerate(rate)]
    bench = Bench(load(kind="step", steps=steps))
    offered = dropped = overloaded = 0.0
    for second in range(12):
        if second % 2 == 0:
            now = ready[second // 2 % len(ready)]
            bench.ready(*now)
        come = rate[min(second // 3, len(rate) - 1)]
        offered += come
        there = [int(one) for one in now if int(one)]
        if not there:
            dropped += come
        for one in there:
            overloaded += max(0.0, come / len(there) - one / 1000 / 0.1)
        bench.clock.run(second + 1)

    found = bench.traffic.requests("default/web")
    assert found.offered == pytest.approx(offered)
    assert found.dropped == pytest.approx(dropped)
    assert found.overloaded == pytest.approx(overloaded)
