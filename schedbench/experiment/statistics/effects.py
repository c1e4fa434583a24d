"""How large a difference is beside the noise, in figures without a unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.experiment.statistics.paired import checked

Array = NDArray[np.float64]


def cohen_dz(differences: Array | Sequence[float]) -> float:
    """Return the mean difference in standard deviations of the differences.

    0 if nothing differs, infinite if all pairs differ by the same; NaN below 2 pairs.

    Source: Cohen 1988, Statistical Power Analysis, section 2.3.5.
    """
    values = checked(differences)
    if len(values) < 2:
        return np.nan
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread <= 1e-12 * float(np.abs(values).max()):
        return np.sign(mean) * np.inf if mean else 0.0
    return mean / spread


def superiority(differences: Array | Sequence[float]) -> float:
    """Return the share of pairs with a positive difference, ties counted half.

    NaN without pairs. Source: Grissom and Kim 2012, Effect Sizes for Research,
    chapter 5 (probability of superiority of dependent groups).
    """
    values = checked(differences)
    if not len(values):
        return np.nan
    return float(np.mean((np.sign(values) + 1) / 2))


def cliffs_delta(new: Array | Sequence[float], base: Array | Sequence[float]) -> float:
    """Return P(new > base) − P(new < base) over every value of one and of the other.

    Between −1 and 1; seeds are not paired. NaN if either has no value.

    Source: Cliff 1993, Psychological Bulletin 114(3).
    """
    mine, theirs = checked(new), np.sort(checked(base))
    if not len(mine) or not len(theirs):
        return np.nan
    below = np.searchsorted(theirs, mine, side="left").sum()
    above = (len(theirs) - np.searchsorted(theirs, mine, side="right")).sum()
    return float(below - above) / (len(mine) * len(theirs))
