"""Tests of paired differences, which ask whether one is more than chance.

`p` is how probable so large a mean difference would be without a true one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.rng import stream

EXACT = 30
"""Pairs up to which every sign is tried; more get `DRAWS` random flips."""
DRAWS = 99_999
SLACK = 1e-9
"""Sums closer than this share of the largest are equal but for rounding."""

Array = NDArray[np.float64]
TestName = Literal["sign flip", "signed rank", "paired t"]


class PairedTest(NamedTuple):
    """Two-sided p of a test, and its name (`none` without two pairs: p is NaN)."""

    p: float
    method: str
    n: int


def paired_test(
    differences: Array | Sequence[float], family: int = 1, alpha: float = 0.05
) -> PairedTest:
    """Test whether the differences of pairs centre on 0.

    By sign flips where their least p, 2^(1 − n), is small enough to be found among
    `family` comparisons at once; with fewer seeds than that by the paired t, which
    takes the differences for normal: at 8 seeds the least p of the sign flips is
    0.0078, which no correction for 10 comparisons survives. Which one is taken depends
    on n and the family's size alone, not on the values.

    Raises
    ------
    InputError
        If a difference is NaN or infinite.
    """
    values = checked(differences)
    if len(values) < 2:
        return PairedTest(np.nan, "none", len(values))
    if least_p(len(values)) * max(family, 1) <= alpha:
        return PairedTest(sign_flip(values), "sign flip", len(values))
    return PairedTest(paired_t(values), "paired t", len(values))


def least_p(pairs: int) -> float:
    """Return the least p that sign flips can give."""
    return 2.0 ** (1 - pairs) if pairs <= EXACT else 1.0 / (DRAWS + 1)


def sign_flip(differences: Array | Sequence[float]) -> float:
    """Return the p of the sign-flip permutation test of the mean.

    Without a true difference each one may as well have had the other sign: p is the
    share of all 2^n choices of signs with so large a mean. All are counted up to 30
    pairs, by the sorted sums of either half; beyond, 99,999 random choices (always the
    same) and the observed one.

    Source: Fisher 1935, The Design of Experiments, section 21; Phipson and Smyth 2010
    (the observed one counts).
    """
    values = np.abs(checked(differences))
    total = abs(float(np.sum(checked(differences))))
    threshold = total - SLACK * float(values.sum())
    if threshold <= 0:
        return 1.0
    if len(values) > EXACT:
        return _drawn(values, threshold)
    half = len(values) // 2
    left, right = _sums(values[:half]), np.sort(_sums(values[half:]))
    first = np.searchsorted(right, threshold - left, side="left")
    beyond = int((len(right) - first).sum())
    return min(1.0, 2.0 * beyond / 2.0 ** len(values))


def signed_rank(differences: Array | Sequence[float]) -> float:
    """Return the p of Wilcoxon's signed-rank test, exact with ties up to 30 pairs.

    Zeros are left out, ties share their mean rank; the ranks are then put to the sign
    flips.

    Source: Wilcoxon 1945, Biometrics Bulletin 1(6).
    """
    values = checked(differences)
    values = values[values != 0]
    sizes, place, counts = np.unique(
        np.abs(values), return_inverse=True, return_counts=True
    )
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[place] if len(sizes) else values
    return sign_flip(np.sign(values) * ranks)


def paired_t(differences: Array | Sequence[float]) -> float:
    """Return the p of the paired t test; without spread 0, or 1 if all are 0."""
    from scipy.special import stdtr

    values = checked(differences)
    mean = float(values.mean())
    if np.ptp(values) <= 1e-12 * float(np.abs(values).max()):
        return 0.0 if mean else 1.0
    error = float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(2 * stdtr(len(values) - 1, -abs(mean) / error))


def checked(values: Array | Sequence[float]) -> Array:
    """Return the values as an array.

    Raises
    ------
    InputError
        If one is NaN or infinite.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(
            "a value is NaN or infinite",
            value=array[~np.isfinite(array)].tolist()[:3],
            fix="leave out the pairs without a value first",
        )
    return array


def _sums(values: Array) -> Array:
    """Return the sums of the values under every choice of signs, float64[2^n]."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _drawn(values: Array, threshold: float) -> float:
    generator = stream(0, f"experiment/signs/{len(values)}")
    beyond = 1
    for rows in np.array_split(np.arange(DRAWS), 10):
        signs = generator.integers(0, 2, (len(rows), len(values))) * 2 - 1
        beyond += int((np.abs(signs @ values) >= threshold).sum())
    return beyond / (DRAWS + 1)
