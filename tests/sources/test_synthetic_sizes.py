"""Drawn request sizes and durations: their statistics, steps and errors."""

from __future__ import annotations

import numpy as np
import pytest

from schedbench.errors import InputError
from schedbench.rng import stream
from schedbench.sources.synthetic.durations import (
    Exponential,
    LogNormalDuration,
    ParetoDuration,
    check_duration,
    draw_durations,
)
from schedbench.sources.synthetic.sizes import (
    Choice,
    LogNormal,
    Pareto,
    PerCpu,
    bounded_pareto,
    check_size,
    draw_sizes,
)

COUNT = 100_000
GIB = 1 << 30


def draw(size, resource="cpu", cpu=None):
    return draw_sizes(size, resource, COUNT, stream(1, "test"), cpu)


def test_fixed_size_is_exact():
    """A plain quantity is every pod's size, in millicores for cpu."""
    assert set(draw("1500m")) == {1500}
    assert set(draw("1.5Gi", "memory")) == {3 * GIB // 2}


def test_choice_follows_its_weights():
    """Values occur as often as their weights say."""
    drawn = draw(Choice(values={"100m": 3, "2": 1}))

    assert set(drawn) == {100, 2000}
    assert np.mean(drawn == 100) == pytest.approx(0.75, abs=0.01)


def test_lognormal_has_its_median_and_sigma():
    """Without a grid the median and the spread of the logarithm are as given."""
    drawn = draw(LogNormal(median=4, sigma=0.5, levels_per_doubling=0))

    assert np.median(drawn) == pytest.approx(4000, rel=0.02)
    assert np.std(np.log(drawn)) == pytest.approx(0.5, rel=0.02)


def test_grid_keeps_the_mean_and_makes_few_sizes():
    """The geometric grid leaves few distinct sizes and moves the mean little."""
    fine = draw(LogNormal(median=4, sigma=0.5, levels_per_doubling=0))
    coarse = draw(LogNormal(median=4, sigma=0.5))

    assert len(np.unique(coarse)) < 20 < len(np.unique(fine))
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.01)


def test_bounds_and_step_hold():
    """Sizes are multiples of the step within the bounds."""
    drawn = draw(
        LogNormal(median="1Gi", sigma=2, min="256Mi", max="4Gi", step="64Mi"), "memory"
    )

    assert drawn.min() == GIB // 4
    assert drawn.max() == 4 * GIB
    assert (drawn % (64 << 20) == 0).all()


def test_per_cpu_grows_with_cpu():
    """Memory per core is proportional to the cores of the same pod."""
    cpu = np.where(np.arange(COUNT) % 2, 1000, 4000)
    drawn = draw(PerCpu(median="2Gi", sigma=0.3, levels_per_doubling=0), "memory", cpu)

    assert np.median(drawn[cpu == 1000]) == pytest.approx(2 * GIB, rel=0.02)
    assert np.median(drawn[cpu == 4000]) == pytest.approx(8 * GIB, rel=0.02)


def test_bounded_pareto_has_its_mean():
    """The mean is that of the truncated distribution."""
    alpha, low, high = 1.5, 1.0, 100.0
    drawn = bounded_pareto(alpha, low, high, COUNT, stream(1, "test"))
    mean = (
        low**alpha
        / (1 - (low / high) ** alpha)
        * alpha
        / (alpha - 1)
        * (low ** (1 - alpha) - high ** (1 - alpha))
    )

    assert drawn.min() >= low
    assert drawn.max() <= high
    assert drawn.mean() == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize(
    ("size", "resource", "message"),
    [
        pytest.param("1x", "cpu", "malformed", id="malformed quantity"),
        pytest.param("-1", "cpu", "negative", id="negative quantity"),
        pytest.param(Choice(values={}), "cpu", "weight", id="choice of nothing"),
        pytest.param(Choice(values={"1": 0}), "cpu", "weight", id="weights of zero"),
        pytest.param(
            LogNormal(median=0, sigma=1), "cpu", "median", id="median of zero"
        ),
        pytest.param(
            LogNormal(median=1, sigma=1, min=2, max=1),
            "cpu",
            "max",
            id="crossed bounds",
        ),
        pytest.param(
            LogNormal(median=1, sigma=1, step=0), "cpu", "step", id="step of zero"
        ),
        pytest.param(PerCpu(median=1), "cpu", "per-cpu", id="cpu per cpu"),
        pytest.param(
            Pareto(alpha=1, min=0, max=1), "cpu", "min", id="pareto from zero"
        ),
    ],
)
def test_bad_size_is_told(size, resource, message):
    """A size that cannot be drawn is an input error naming what is wrong."""
    with pytest.raises(InputError, match=message):
        check_size(size, resource)


@pytest.mark.parametrize(
    ("duration", "mean"),
    [
        pytest.param(600.0, 600.0, id="fixed"),
        pytest.param(Exponential(mean=300), 300.0, id="exponential"),
        pytest.param(
            LogNormalDuration(median=100, sigma=0.8),
            100 * np.exp(0.32),
            id="lognormal, mean = median x exp(sigma^2 / 2)",
        ),
    ],
)
def test_duration_has_its_mean(duration, mean):
    """The mean of many durations is the distribution's."""
    drawn = draw_durations(duration, COUNT, stream(2, "test"))

    assert drawn.mean() == pytest.approx(mean, rel=0.02)


def test_durations_are_bounded():
    """Log-normal draws are set to the bounds, Pareto ones lie within."""
    lognormal = LogNormalDuration(median=100, sigma=3, min=10, max=1000)
    pareto = ParetoDuration(alpha=0.5, min=10, max=1000)
    for spec in (lognormal, pareto):
        drawn = draw_durations(spec, COUNT, stream(2, "test"))

        assert drawn.min() >= 10
        assert drawn.max() <= 1000


def test_forever_is_infinite():
    """Pods without an end last infinitely long."""
    assert np.isinf(draw_durations("forever", 3, stream(2, "test"))).all()


def test_crossed_duration_bounds_are_refused():
    """A maximum below the minimum is an input error."""
    with pytest.raises(InputError, match="max is less than min"):
        check_duration(ParetoDuration(alpha=1, min=10, max=1))
