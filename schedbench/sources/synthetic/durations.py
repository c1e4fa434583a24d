"""How long a pod runs once it is bound, in simulated seconds."""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.sources.synthetic.sizes import NotNegative, Positive, bounded_pareto


class Exponential(
    Struct, tag_field="kind", tag="exponential", forbid_unknown_fields=True
):
    """Exponential durations with a mean in seconds."""

    mean: Positive


class LogNormalDuration(
    Struct, tag_field="kind", tag="lognormal", forbid_unknown_fields=True
):
    """Log-normal durations: median in seconds, sigma of the natural logarithm.

    Draws outside `min`..`max` seconds are set to the bound.
    """

    median: Positive
    sigma: NotNegative
    min: NotNegative = 0.0
    max: Positive | None = None


class ParetoDuration(
    Struct, tag_field="kind", tag="pareto", forbid_unknown_fields=True
):
    """Pareto durations with shape `alpha`, truncated to `min`..`max` seconds."""

    alpha: Positive
    min: Positive
    max: Positive


Duration = (
    Literal["forever"] | Positive | Exponential | LogNormalDuration | ParetoDuration
)


def check_duration(duration: Duration) -> None:
    """Check the bounds of a duration.

    Raises
    ------
    InputError
        If the maximum is less than the minimum.
    """
    if isinstance(duration, LogNormalDuration | ParetoDuration):
        high = np.inf if duration.max is None else duration.max
        if high < duration.min:
            raise InputError("max is less than min", value=duration.max)


def draw_durations(
    duration: Duration, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw durations, float64[count]; inf = forever."""
    if isinstance(duration, str):
        return np.full(count, np.inf)
    if isinstance(duration, int | float):
        return np.full(count, float(duration))
    if isinstance(duration, Exponential):
        return rng.exponential(duration.mean, count)
    if isinstance(duration, ParetoDuration):
        return bounded_pareto(duration.alpha, duration.min, duration.max, count, rng)
    drawn = duration.median * np.exp(duration.sigma * rng.standard_normal(count))
    high = np.inf if duration.max is None else duration.max
    return np.asarray(np.clip(drawn, duration.min, high))
