"""Arrival processes: rates, shapes and order."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.rng import stream
from schedbench.sources.synthetic.arrivals import (
    AtOnce,
    Bursts,
    Diurnal,
    Poisson,
    arrival_times,
    times_until,
)

COUNT = 50_000
PROCESSES = [
    pytest.param(Poisson(), id="poisson"),
    pytest.param(Diurnal(amplitude=0.8, period=100), id="diurnal"),
    pytest.param(Bursts(size=20, spread=0.5), id="bursts"),
]


@pytest.mark.parametrize("process", PROCESSES)
def test_rate_is_the_mean_rate(process):
    """Every process brings its rate's number of pods a second on the whole."""
    times = arrival_times(process, 5.0, COUNT, stream(3, "test"))

    assert len(times) == COUNT
    assert (np.diff(times) >= 0).all()
    assert COUNT / times[-1] == pytest.approx(5.0, rel=0.05)


@pytest.mark.parametrize("process", PROCESSES)
def test_horizon_bounds_the_times(process):
    """Up to a horizon come about rate x horizon pods, none later."""
    times = times_until(process, 5.0, 10_000.0, 10**6, stream(3, "test"))

    assert times[-1] <= 10_000
    assert len(times) == pytest.approx(COUNT, rel=0.05)


def test_at_once_is_one_moment():
    """All pods arrive together."""
    times = arrival_times(AtOnce(at=7.0), 1.0, 3, stream(3, "test"))

    assert times.tolist() == [7.0, 7.0, 7.0]


def test_poisson_gaps_are_exponential():
    """Gaps have as large a standard deviation as mean."""
    gaps = np.diff(arrival_times(Poisson(), 2.0, COUNT, stream(3, "test")))

    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.03)


def test_diurnal_rate_follows_the_sine():
    """The first half of the period brings (1 + 2a/pi) : (1 - 2a/pi) of the pods."""
    process = Diurnal(amplitude=0.8, period=100)
    times = arrival_times(process, 50.0, COUNT, stream(3, "test"))
    whole = times[times < np.floor(times[-1] / 100) * 100]
    first = np.mean(whole % 100 < 50)

    assert first == pytest.approx(0.5 + 0.8 / np.pi, abs=0.01)


def test_bursts_are_burstier_than_poisson():
    """Counts of bursts vary more than a Poisson process's, by about twice the size."""
    times = arrival_times(Bursts(size=20, spread=0), 5.0, COUNT, stream(3, "test"))
    counts = np.histogram(times, bins=np.arange(0, times[-1], 50.0))[0]

    assert counts.var() / counts.mean() == pytest.approx(2 * 20 - 1, rel=0.3)


def test_too_many_arrivals_are_refused():
    """A rate that would bring more pods than the limit is told before they are made."""
    with pytest.raises(InputError, match="exceeds the limit"):
        times_until(Poisson(), 1e9, 1e9, 1000, stream(3, "test"))


def test_no_pods_are_no_times():
    """A count of zero gives an empty array for every process."""
    for process in (AtOnce(), Poisson(), Diurnal(), Bursts(size=2)):
        assert len(arrival_times(process, 1.0, 0, stream(3, "test"))) == 0
