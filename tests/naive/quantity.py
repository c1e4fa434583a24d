"""Quantities, after the "Resource quantity" page of the Kubernetes documentation."""

from __future__ import annotations

import re
from fractions import Fraction

_SCALE = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{letter: Fraction(1000 ** (i + 1)) for i, letter in enumerate("kMGTPE")},
    **{f"{letter}i": Fraction(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
}
_FORM = re.compile(
    r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)"
)


def exact(quantity: str | float) -> Fraction:
    """Return the value of a quantity, rounded up to the nano-unit as upstream."""
    match = _FORM.fullmatch(str(quantity))
    if match is None:
        raise ValueError(f"not a quantity: {quantity!r}")
    sign, digits, exponent, suffix = match.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _SCALE[suffix or ""]
    value = round_up(Fraction(digits) * scale * 10**9) * Fraction(1, 10**9)
    return -value if sign == "-" else value


def round_up(value: Fraction) -> int:
    """Return the smallest integer that is not below the value."""
    return -(-value.numerator // value.denominator)
