"""When pods arrive: all at once, Poisson, diurnal or in bursts.

Rates are pods a simulated second, averaged over the whole process. A rate may be left
out; it is then derived from the load which the stream is to offer.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.sources.synthetic.sizes import NotNegative, Positive

Times = NDArray[np.float64]


class AtOnce(Struct, tag_field="kind", tag="at-once", forbid_unknown_fields=True):
    """All pods arrive at one moment, in the order in which they were drawn."""

    at: NotNegative = 0.0


class Poisson(Struct, tag_field="kind", tag="poisson", forbid_unknown_fields=True):
    """Independent arrivals at a constant rate."""

    rate: Positive | None = None


class Diurnal(Struct, tag_field="kind", tag="diurnal", forbid_unknown_fields=True):
    """A Poisson process whose rate follows a sine: rate x (1 + amplitude x sin).

    `period` and `phase` are seconds; the sine starts to rise at time `phase`.
    """

    rate: Positive | None = None
    amplitude: Annotated[float, Meta(ge=0, le=1)] = 0.5
    period: Positive = 86_400.0
    phase: float = 0.0


class Bursts(
    Struct, tag_field="kind", tag="bursts", forbid_unknown_fields=True, kw_only=True
):
    """A compound Poisson process: bursts of a geometric number of pods.

    `size` is the mean number of pods of a burst, `spread` the mean delay in seconds
    of a pod behind the start of its burst (exponential).
    """

    rate: Positive | None = None
    size: Annotated[float, Meta(ge=1)]
    spread: NotNegative = 1.0


Arrivals = AtOnce | Poisson | Diurnal | Bursts


def arrival_times(
    arrivals: Arrivals, rate: float, count: int, rng: np.random.Generator
) -> Times:
    """Return the first `count` arrival times in order, float64[count], in seconds."""
    if isinstance(arrivals, AtOnce):
        return np.full(count, arrivals.at)
    if isinstance(arrivals, Poisson):
        return np.cumsum(rng.exponential(1.0 / rate, count))
    if isinstance(arrivals, Diurnal):
        return _thinned(arrivals, rate, count, rng)
    return _compound(arrivals, rate, count, rng)


def times_until(
    arrivals: Arrivals,
    rate: float,
    horizon: float,
    limit: int,
    rng: np.random.Generator,
) -> Times:
    """Return every arrival up to `horizon` seconds.

    Raises
    ------
    InputError
        If more than `limit` pods are expected.
    """
    if isinstance(arrivals, AtOnce):
        raise InputError("pods that arrive at once need a count or a load, no horizon")
    expected = rate * horizon
    if expected > limit:
        raise InputError(
            f"horizon x rate = {expected:,.0f} pods exceeds the limit of {limit:,}",
            fix="lower it, or raise limits.pods",
        )
    count = int(expected + 6.0 * np.sqrt(expected) + 16)
    while True:
        times = arrival_times(arrivals, rate, count, rng)
        if times[-1] > horizon:
            return times[times <= horizon]
        count *= 2


def _thinned(
    arrivals: Diurnal, rate: float, count: int, rng: np.random.Generator
) -> Times:
    """Thin a faster Poisson process (Lewis and Shedler, 1979)."""
    peak = 1.0 + arrivals.amplitude
    kept: list[Times] = []
    found, start = 0, 0.0
    while found < count:
        block = int((count - found) * peak * 1.05) + 64
        times = start + np.cumsum(rng.exponential(1.0 / (rate * peak), block))
        angle = 2.0 * np.pi * (times - arrivals.phase) / arrivals.period
        level = 1.0 + arrivals.amplitude * np.sin(angle)
        kept.append(times[rng.random(block) * peak < level])
        found += len(kept[-1])
        start = times[-1]
    return np.concatenate(kept)[:count] if kept else np.empty(0)


def _compound(
    arrivals: Bursts, rate: float, count: int, rng: np.random.Generator
) -> Times:
    """Draw bursts until they hold enough pods, then take the earliest pods."""
    bursts = int(count / arrivals.size * 1.5) + 64
    while True:
        starts = np.cumsum(rng.exponential(arrivals.size / rate, bursts))
        sizes = rng.geometric(1.0 / arrivals.size, bursts)
        if sizes.sum() >= count:
            break
        bursts *= 2
    times = np.repeat(starts, sizes)
    if arrivals.spread:
        times = times + rng.exponential(arrivals.spread, len(times))
    return np.sort(times)[:count]
