"""Heartbeats: what is computed equals what would have been simulated."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.clock import Clock
from schedbench.controlplane.leases import Accumulated, NodeLeases
from schedbench.controlplane.parameters import NodeLeaseParameters


def leases(clock: Clock) -> NodeLeases:
    return NodeLeases(clock, NodeLeaseParameters(), 1)


def test_a_healthy_node_renews_every_ten_seconds() -> None:
    """The kubelet updates its Lease every 10 seconds by default."""
    clock = Clock()
    beats = leases(clock)
    beats.up("n")

    seen = {beats.renewed_at("n", t / 10) for t in range(1000, 2000)}

    assert len(seen) in {10, 11}
    assert {
        round(b - a, 6)
        for a, b in zip(sorted(seen)[:-1], sorted(seen)[1:], strict=True)
    } == {10.0}


def test_heartbeats_are_no_events() -> None:
    """An hour of five thousand quiet nodes costs no event at all."""
    clock = Clock()
    beats = leases(clock)
    for i in range(5000):
        beats.up(f"n{i}")

    clock.run(until=3600)

    assert clock.events == 0
    assert beats.load(0, 3600) == pytest.approx(5000 * 3600 * (1 / 10 + 1 / 300))


def test_nobody_renews_in_an_outage() -> None:
    """A lease cannot be renewed while there is no API to write to."""
    clock = Clock()
    beats = leases(clock)
    beats.up("n")
    clock.run(until=101)
    beats.outage()
    before = beats.renewed_at("n", 101)
    clock.run(until=160)
    during = beats.renewed_at("n", 160)
    beats.recover()

    assert before == during
    assert not beats.renewed_at("n", 160) > 101
    assert 160 <= beats.renewed_at("n", 170.01) <= 170.01
    assert beats.load(101, 160) == 0


@given(
    steps=st.lists(
        st.tuples(
            st.floats(0.1, 60), st.sampled_from(["up", "down", "outage", "recover"])
        ),
        max_size=12,
    ),
    later=st.floats(0, 100),
)
def test_renewed_at_equals_a_simulation(steps, later) -> None:
    """The closed form gives the last renewal that a beat-by-beat simulation gives."""
    clock = Clock()
    beats = leases(clock)
    beats.up("n")
    phase = beats._phase["n"]
    up, out, last = True, False, 0.0
    now = 0.0
    for wait, what in [*steps, (later, "end")]:
        then = now + wait
        beat = math.floor((now - phase) / 10) * 10 + phase
        while beat <= then:
            if up and not out and now < beat:
                last = beat
            beat += 10
        clock.run(until=then)
        now = then
        if what == "up" and not up:
            up = True
            last = last if out else now
        elif what == "down":
            up = False
        elif what in {"outage", "recover"}:
            out = what == "outage"
        if what != "end":
            getattr(beats, what)(*(() if what in {"outage", "recover"} else ("n",)))

    assert beats.renewed_at("n", now) == pytest.approx(last)


def test_a_rate_adds_up_between_its_steps() -> None:
    """The sum of a step function is exact at any time."""
    total = Accumulated()
    total.set(1.0, 2.0)
    total.set(3.0, 0.0)
    total.set(5.0, 1.0)

    assert [total.at(t) for t in (0, 2, 4, 7)] == [0, 2, 4, 6]
