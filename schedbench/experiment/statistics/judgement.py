"""What a paired difference means: better, worse, the same, or not comparable."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from schedbench.experiment.statistics.corrections import benjamini_hochberg, holm
from schedbench.experiment.statistics.effects import cohen_dz, superiority
from schedbench.experiment.statistics.intervals import (
    Interval,
    interval,
    range_of,
    within,
)
from schedbench.experiment.statistics.paired import PairedTest, paired_test

if TYPE_CHECKING:
    from schedbench.metrics.metric import Metric

ALPHA = 0.05
ROUNDING = 1e-12
"""Differences smaller than this share of the values are sums in another order."""

Array = NDArray[np.float64]
Verdict = Literal["better", "worse", "same", "not comparable"]
Basis = Literal[
    "significant",
    "equal",
    "equivalent",
    "not told apart",
    "fewer than two pairs",
    "no direction",
    "other conditions",
]
Correction = Literal["holm", "benjamini-hochberg"]
Place = TypeVar("Place", bound=Hashable)


class Evidence(NamedTuple):
    """A paired test among the comparisons that it was made with.

    Attributes
    ----------
    adjusted
        p corrected for `family` comparisons.
    """

    p: float
    adjusted: float
    test: str
    family: int


class Difference(NamedTuple):
    """What a paired comparison adds to the interval of the difference.

    Attributes
    ----------
    relative_mean, relative_low, relative_high
        Fractions of `baseline_mean`; NaN where it is 0.
    verdict, basis
        What the difference means, and by what.
    p, p_adjusted, test, family
        Of the paired test: by itself, and corrected for `family` comparisons.
    dz
        Mean difference in standard deviations of the differences.
    superiority
        Share of seeds in which the new value is the greater, ties half.
    """

    baseline_mean: float
    relative_mean: float
    relative_low: float
    relative_high: float
    verdict: Verdict
    basis: Basis
    p: float
    p_adjusted: float
    test: str
    family: int
    dz: float
    superiority: float


def changes(base: Array, new: Array) -> Array:
    """Return new − base, 0 where they differ by rounding only."""
    change = new - base
    noise = ROUNDING * np.maximum(np.abs(new), np.abs(base))
    return np.where(np.abs(change) <= noise, 0.0, change)


def weigh(
    differences: Mapping[Place, Array], correction: Correction = "holm"
) -> dict[Place, Evidence]:
    """Test many paired differences, corrected for their number.

    Comparisons without two pairs are left out of the number, and so are those in which
    nothing differs: no test could ever find them significant, whatever their signs
    (Tarone 1990, Biometrics 46).
    """
    tested = {
        place: values
        for place, values in differences.items()
        if len(values) > 1 and np.any(values)
    }
    size = len(tested)
    tests = [paired_test(values, size, ALPHA) for values in tested.values()]
    correct = holm if correction == "holm" else benjamini_hochberg
    adjusted = correct([each.p for each in tests])
    found = {
        place: _untested(values, size)
        for place, values in differences.items()
        if place not in tested
    }
    for place, test, p in zip(tested, tests, adjusted, strict=True):
        found[place] = Evidence(test.p, float(p), test.method, size)
    return {place: found[place] for place in differences}


def difference(
    base: Array,
    new: Array,
    metric: Metric,
    *,
    evidence: Evidence | None = None,
    margin: float = 0.0,
) -> tuple[Interval, Difference]:
    """Return the interval of new − base, pair by pair, and what it means.

    Parameters
    ----------
    evidence
        From `weigh`, where the comparison is one of many; None = it stands alone.
    margin
        Differences within this share of the baseline are the same to the reader.
    """
    change = changes(base, new)
    whole = interval(change)
    if evidence is None:
        evidence = weigh({0: change})[0]
    level = float(base.mean()) if len(base) else np.nan
    least, most = range_of(metric)
    found = within(whole, least - level, most - level) if len(base) else whole
    scale = 1.0 / abs(level) if level else np.nan
    allowed = margin * abs(level) if margin else 0.0
    meaning, basis = verdict(whole, metric.better, evidence.adjusted, allowed)
    return found, Difference(
        level,
        found.mean * scale,
        found.low * scale,
        found.high * scale,
        meaning,
        basis,
        evidence.p,
        evidence.adjusted,
        evidence.test,
        evidence.family,
        cohen_dz(change),
        superiority(change),
    )


def verdict(
    found: Interval, better: str, p: float, margin: float = 0.0
) -> tuple[Verdict, Basis]:
    """Judge a difference by its interval and its corrected p.

    `better` and `worse` need both: an interval without 0, and p of at most 5 %. `same`
    is equal in every seed, or an interval within the margin (which is a test of
    equivalence at 2.5 %; Schuirmann 1987), or a difference that could not be told from
    chance.

    Parameters
    ----------
    better
        The metric's direction: up, down or none.
    margin
        In the metric's unit; 0 = no difference is too small to matter.
    """
    if found.n and found.mean == 0 and found.method in {"all equal", "one value"}:
        return "same", "equal"
    if found.n < 2:
        return "not comparable", "fewer than two pairs"
    if margin > 0 and -margin <= found.low and found.high <= margin:
        return "same", "equivalent"
    if found.low <= 0 <= found.high or not p <= ALPHA:
        return "same", "not told apart"
    if better == "none":
        return "not comparable", "no direction"
    up = (found.mean > 0) == (better == "up")
    return "better" if up else "worse", "significant"


def _untested(values: Array, family: int) -> Evidence:
    test = PairedTest(1.0 if len(values) > 1 else np.nan, "none", len(values))
    return Evidence(test.p, test.p, test.method, family)
