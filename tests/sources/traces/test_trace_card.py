"""What a workload card says of processes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.cli.trace_card import bars
from schedbench.sources.traces.card import STEPS, arrivals, trace_card
from schedbench.sources.traces.demand import Demand
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.writer import TraceWriter

HOUR = 3600.0


def test_poisson_arrivals():
    """A Poisson process has gaps and hours that vary as its law says."""
    rng = np.random.default_rng(3)
    found = arrivals(np.cumsum(rng.exponential(20.0, 50_000)))

    assert found["rate_per_s"] == pytest.approx(1 / 20, rel=0.02)
    assert found["gap_cv"] == pytest.approx(1.0, abs=0.03)
    assert found["hourly_dispersion"] == pytest.approx(1.0, abs=0.25)
    assert found["simultaneous"] == 0.0
    assert found["peak_hour_over_mean"] < 1.2


def test_bursts_and_days():
    """Pods that come five at a time, in one hour of each day, are told apart."""
    day = np.arange(30) * 24 * HOUR
    times = (day[:, None] + 9 * HOUR + np.arange(10) * 60.0).reshape(-1)
    found = arrivals(np.repeat(times, 5))

    assert found["simultaneous"] == 1.0
    assert found["hourly_dispersion"] > 10
    assert found["gap_cv"] > 3
    assert np.argmax(found["by_hour_of_day"]) == 9
    assert found["peak_hour_over_mean"] == 24.0


@pytest.fixture
def card(tmp_path):
    """A card of pods on a cluster of two nodes, of which one comes later."""

    def make(**pods):
        with TraceWriter(tmp_path / "t", Ledger()) as writer:
            writer.about = {"source": "s", "title": "t", "licence": "l", "units": {}}
            writer.nodes(
                {"name": ["a", "b"], "cpu_milli": 1000, "memory_mib": [100, 0],
                 "time_add": [0.0, 48.0]}
            )  # fmt: skip
            writer.pods(pods)
        return trace_card(tmp_path / "t")

    return make


def test_demand_over_capacity(card):
    """What is there at each step is asked for over what the nodes then have."""
    found = card(
        id=["x", "y"],
        submit=[0.0, 24.0],
        duration=[96.0, 24.0],
        cpu_milli=[500, 1000],
        memory_mib=[10, -1],
    )["demand"]

    assert len(found["times_s"]) == STEPS + 1
    at = dict(zip(found["times_s"], found["cpu"], strict=True))
    assert (at[0.0], at[24.0], at[46.0], at[48.0], at[94.0]) == (
        0.5,
        1.5,
        1.5,
        0.25,
        0.25,
    )
    assert found["memory"][0] == 0.1
    assert found["gpu"] is None


def test_classes_and_counts(card):
    """Classes are distinct requests; users, priorities and gangs are counted."""
    found = card(
        id=list("abcd"),
        submit=0.0,
        cpu_milli=[1, 1, 2, 1],
        user=["u", "u", "v", ""],
        priority=[0, 0, 5, 0],
        group="g",
        gang_size=[3, 3, 1, 3],
        max_per_node=[-1, -1, 2, -1],
        constraints=["", "", "[]", ""],
    )

    assert found["classes"]["distinct"] == 2
    assert found["classes"]["top"][0]["pods"] == 3
    assert found["users"] == {"distinct": 2, "top": {"u": 2, "v": 1}}
    assert found["priorities"] == {"0": 3, "5": 1}
    assert found["gangs"] == {"pods_in_gangs": 3, "pods_by_size": {"3": 3, "1": 1}}
    assert found["constraints"] == {"pods_with_constraints": 1, "pods_limited": 1}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 50), st.integers(0, 20) | st.none(), st.integers(0, 9)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_peak_is_that_of_counting(pods):
    """The peak equals that of looking at each step on its own."""
    demand = Demand(1, step=1.0)
    start = np.array([float(each[0]) for each in pods])
    end = np.array(
        [np.nan if span is None else at + float(span) for at, span, _ in pods]
    )
    for half in (slice(0, len(pods) // 2), slice(len(pods) // 2, None)):
        amounts = np.array([[float(each[2])] for each in pods[half]]).reshape(-1, 1)
        demand.add(start[half], end[half], amounts)
    expected = max(
        sum(
            amount
            for at, span, amount in pods
            if at <= step and (span is None or step <= at + span)
        )
        for step in range(72)
    )

    assert demand.peak()[0] == expected


def test_bars():
    """The highest bar is full, none is a gap, and no demand is blank."""
    actual = [bars([0, 1, None, 2]), bars([0, 0]), bars([])]

    assert actual == [" ▄·█", "  ", ""]
