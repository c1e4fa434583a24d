"""p values of many comparisons made at once, corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError

Array = NDArray[np.float64]


def holm(p: Array | Sequence[float]) -> Array:
    """Return p values of which even one below 5 % is false with 5 % probability.

    Holds however the comparisons depend on one another.

    Source: Holm 1979, Scandinavian Journal of Statistics 6(2).
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    stepped = np.maximum.accumulate(factors * values[order])
    return _placed(stepped, order)


def benjamini_hochberg(p: Array | Sequence[float]) -> Array:
    """Return p values such that of those below 5 %, 5 % are expected to be false.

    Holds for comparisons that are independent or depend on one another positively.

    Source: Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    factors = len(values) / np.arange(1, len(values) + 1)
    stepped = np.minimum.accumulate((factors * values[order])[::-1])[::-1]
    return _placed(stepped, order)


def _placed(stepped: Array, order: NDArray[np.int64]) -> Array:
    found = np.empty(len(order))
    found[order] = np.minimum(stepped, 1.0)
    return found


def _checked(p: Array | Sequence[float]) -> Array:
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("a p value is not within 0..1", value=values.tolist()[:5])
    return values
