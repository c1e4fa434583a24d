"""Means with the intervals that hold the true ones."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.rng import stream

if TYPE_CHECKING:
    from schedbench.metrics.metric import Metric

CONFIDENCE = 0.95
RESAMPLES = 10_000
FEWEST = 8
"""Values from which on the bootstrap is used; Student's t below."""
DEGENERATE = 0.01
"""Share of resamples without spread above which Student's t is used all the same."""

Method = Literal["auto", "student t", "bootstrap t", "BCa"]


class Interval(NamedTuple):
    """A mean with the interval that holds the true one with 95 % confidence.

    `method` is `bootstrap t`, `BCa`, `student t`, `all equal` (no spread: the interval
    is the value), `one value` or `no value` (no interval: NaN).
    """

    mean: float
    low: float
    high: float
    n: int
    method: str


def interval(
    values: NDArray[np.float64] | Sequence[float],
    method: Method = "auto",
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return mean and confidence interval of a few values; NaN are left out.

    `auto` takes Student's t below 8 values, from 8 on the studentised bootstrap (Efron
    and Tibshirani 1993, chapter 12) with 10,000 resamples, always the same ones.
    Measured coverage of nominal 95 %, 2,000 samples each of normal, exponential and
    log-normal values: at n = 8 Student's t 95, 90, 83, the studentised bootstrap 96,
    94, 90, the BCa bootstrap 89, 86, 80 %; at n = 20 they are 95, 92, 87, then 95, 94,
    92, then 92, 92, 88 %. That is why BCa is offered and not taken by itself. At n = 5
    the studentised bootstrap covers as well, but one interval in a hundred of normal
    values is three times as long as Student's.

    Parameters
    ----------
    method
        Either bootstrap gives way to Student's t below 3 values, and where ties leave
        more than 1 % of the resamples without spread.
    confidence
        Share of such intervals that hold the true mean.

    Raises
    ------
    InputError
        If a value is infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array)]
    if np.isinf(array).any():
        raise InputError("a value is infinite: there is no mean", value=array.tolist())
    count = len(array)
    if count == 0:
        return Interval(np.nan, np.nan, np.nan, 0, "no value")
    mean = float(array.mean())
    if count == 1:
        return Interval(mean, np.nan, np.nan, 1, "one value")
    spread = float(array.max() - array.min())
    if spread <= 1e-12 * float(np.abs(array).max()):
        value = float(array[0])
        return Interval(value, value, value, count, "all equal")
    if method == "auto":
        method = "bootstrap t" if count >= FEWEST else "student t"
    found = None
    if method != "student t" and count > 2:
        found = (_bca if method == "BCa" else _bootstrap_t)(array, confidence)
    return found or _student(array, confidence)


def within(found: Interval, low: float, high: float) -> Interval:
    """Return the interval without the values that are impossible.

    What is cut off cannot hold the true mean, so the confidence stays what it was.
    """
    return found._replace(low=max(found.low, low), high=min(found.high, high))


def range_of(metric: Metric) -> tuple[float, float]:
    """Return the least and the greatest value of a metric: none is below 0."""
    return 0.0, 1.0 if metric.unit == "fraction" else np.inf


def _student(values: NDArray[np.float64], confidence: float) -> Interval:
    from scipy.special import stdtrit

    count = len(values)
    mean = float(values.mean())
    error = values.std(ddof=1) / np.sqrt(count)
    reach = float(stdtrit(count - 1, (1 + confidence) / 2) * error)
    return Interval(mean, mean - reach, mean + reach, count, "student t")


def _bootstrap_t(values: NDArray[np.float64], confidence: float) -> Interval | None:
    """Return the studentised interval, or None if resamples are degenerate."""
    count = len(values)
    mean = float(values.mean())
    error = float(values.std(ddof=1))
    samples = values[_resamples(count)]
    spreads = samples.std(axis=1, ddof=1)
    sound = spreads > 1e-9 * error
    if np.mean(~sound) > DEGENERATE:
        return None
    ratios = (samples.mean(axis=1)[sound] - mean) / spreads[sound]
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(ratios, [tail, 1 - tail])
    return Interval(
        mean,
        float(mean - upper * error),
        float(mean - lower * error),
        count,
        "bootstrap t",
    )


def _bca(values: NDArray[np.float64], confidence: float) -> Interval | None:
    """Return the bias-corrected accelerated interval, or None if degenerate.

    Source: Efron and Tibshirani 1993, chapter 14: acceleration from the jackknife,
    which for a mean is a sixth of the skewness over the root of n.
    """
    from scipy.special import ndtr, ndtri

    count = len(values)
    mean = float(values.mean())
    samples = values[_resamples(count)]
    if np.mean(np.ptp(samples, axis=1) == 0) > DEGENERATE:
        return None
    means = samples.mean(axis=1)
    noise = 1e-12 * float(np.abs(values).max())
    below = np.mean(means < mean - noise) + np.mean(np.abs(means - mean) <= noise) / 2
    bias = ndtri(below)
    leave = values - mean
    acceleration = (leave**3).sum() / (6 * (leave**2).sum() ** 1.5)
    normal = ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    ends = ndtr(bias + (bias + normal) / (1 - acceleration * (bias + normal)))
    low, high = np.quantile(means, ends)
    return Interval(mean, float(low), float(high), count, "BCa")


@functools.cache
def _resamples(count: int) -> NDArray[np.int64]:
    """Return int64[resample, value]: which values each resample draws."""
    generator = stream(0, f"experiment/bootstrap/{count}")
    return generator.integers(0, count, (RESAMPLES, count))
