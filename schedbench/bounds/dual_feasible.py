"""Dual feasible functions: sizes rewritten so that what fits together still does.

A function f of sizes 0..C is dual feasible if Σ wᵢ ≤ C implies Σ f(wᵢ) ≤ 1. Rewritten
sizes may sum to more than the original ones, so they bound bin packing better than the
volume does (the bounds L2 and beyond).

Sources: Martello and Toth (1990) for `threshold`; Fekete and Schepers, "New classes of
fast lower bounds for bin packing problems" (Math. Programming 91, 2001) for `rounding`;
Carlier, Clautiaux and Moukrim, "New reduction procedures and lower bounds for the
two-dimensional bin packing problem" (Computers & OR 34, 2007) for `stairs`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_DIVISIONS = 20
MOST_THRESHOLDS = 24


def threshold(
    size: NDArray[np.int64], capacity: int, least: int
) -> NDArray[np.float64]:
    """Return sizes with those below `least` as 0 and those above C − `least` as C.

    Dual feasible for 0 ≤ least ≤ C / 2: of two sizes above C − least none fits beside
    the other, nor beside one of at least `least`; smaller ones count nothing.
    """
    share = size / capacity
    share = np.where(size < least, 0.0, share)
    return np.where(size > capacity - least, 1.0, share)


def rounding(size: NDArray[np.int64], capacity: int, parts: int) -> NDArray[np.float64]:
    """Return sizes rounded down to multiples of C / (k + 1), in units of C / k.

    Sizes that are such multiples keep their share. Dual feasible for k ≥ 1.
    """
    whole, rest = np.divmod(size * (parts + 1), capacity)
    return np.where(rest == 0, size / capacity, whole / parts)


def stairs(size: NDArray[np.int64], capacity: int, step: int) -> NDArray[np.float64]:
    """Return sizes as steps: small ones rounded down, large ones by what they leave.

    Dual feasible for 1 ≤ step ≤ C / 2.
    """
    most = capacity // step
    small, large = size // step, most - (capacity - size) // step
    level = np.where(2 * size < capacity, small, large).astype(np.float64)
    return np.where(2 * size == capacity, most / 2, level) / most


def family(size: NDArray[np.int64], capacity: int) -> Iterator[NDArray[np.float64]]:
    """Yield several rewritings of sizes 0..C, each dual feasible.

    Thresholds and steps are taken from the sizes themselves, evenly over their ranks
    where there are many: between two sizes nothing changes.
    """
    for parts in range(1, MOST_DIVISIONS + 1):
        yield rounding(size, capacity, parts)
    known = np.unique(np.concatenate([size, capacity - size, size + 1]))
    known = known[(known >= 1) & (2 * known <= capacity)]
    if len(known) > MOST_THRESHOLDS:
        known = known[np.linspace(0, len(known) - 1, MOST_THRESHOLDS).astype(int)]
    for value in known.tolist():
        yield threshold(size, capacity, value)
        yield stairs(size, capacity, value)
