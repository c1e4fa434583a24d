"""Quantities of Kubernetes, exactly: "500m", "1.5Gi", "2e3" and plain numbers.

The grammar is the documented one of `k8s.io/apimachinery/pkg/api/resource`: a signed
decimal number and a suffix of n u m k M G T P E, of Ki Mi Gi Ti Pi Ei, or an exponent
(`e3`, `E-3`; a lone `E` is exa). Upstream also takes a suffix or a sign without any
digit as zero, and cuts binary quantities above int64 down to it; both are errors here.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from schedbench.errors import QuantityError

MAX_INT64 = 2**63 - 1
MAX_TEXT = 100

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?:(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]*))?|\.(?P<only>[0-9]+))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]+)|(?P<suffix>[numkMGTPE]|[KMGTPE]i)?)"
)

_SCALE = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
} | {
    suffix: Fraction(base**power)
    for base, end in ((1000, ""), (1024, "i"))
    for power, letter in enumerate("KMGTPE", 1)
    for suffix in [(letter if end or letter != "K" else "k") + end]
}

_FIX = "write a number with an optional suffix: m, k, M, G, Ki, Mi, Gi …"


@functools.lru_cache(maxsize=65536, typed=True)
def parse_quantity(quantity: str | float) -> Fraction:
    """Return the exact value of a quantity; a number stands for its own text.

    Raises
    ------
    QuantityError
        If it is malformed, or so large that int64 cannot hold it.
    """
    text = quantity if isinstance(quantity, str) else repr(quantity)
    if len(text) > MAX_TEXT:
        raise QuantityError("quantity is too long", value=quantity, fix=_FIX)
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise QuantityError("malformed quantity", value=quantity, fix=_fix(text))
    whole, part = match["whole"] or "", match["part"] or match["only"] or ""
    number = Fraction(int(whole + part), 10 ** len(part))
    if match["exponent"] is None:
        number *= _SCALE[match["suffix"] or ""]
    else:
        # the bounds keep 1e999999999 from filling the memory; both ends stay what
        # they are, an overflow and a trace above zero
        number *= Fraction(10) ** max(-2 * MAX_TEXT, min(int(match["exponent"]), 200))
    if number > MAX_INT64:
        raise QuantityError(
            "quantity overflows int64", value=quantity, fix="write a smaller number"
        )
    return -number if match["sign"] == "-" else number


@functools.lru_cache(maxsize=65536, typed=True)
def value(quantity: str | float) -> int:
    """Return the quantity in whole units, rounded up (away from zero).

    Raises
    ------
    QuantityError
        If it is malformed or overflows int64.
    """
    return _round_up(parse_quantity(quantity))


@functools.lru_cache(maxsize=65536, typed=True)
def milli_value(quantity: str | float) -> int:
    """Return the quantity in thousandths, rounded up (away from zero).

    Raises
    ------
    QuantityError
        If it is malformed or its thousandths overflow int64.
    """
    milli = _round_up(parse_quantity(quantity) * 1000)
    if abs(milli) > MAX_INT64:
        raise QuantityError(
            "quantity overflows int64 in thousandths",
            value=quantity,
            fix="write a smaller number",
        )
    return milli


@functools.lru_cache(maxsize=65536, typed=True)
def nano_value(quantity: str | float) -> int:
    """Return the quantity in billionths, rounded up: what sums are exact in.

    Upstream rounds every quantity up to billionths when it is read.

    Raises
    ------
    QuantityError
        If it is malformed or overflows int64 in whole units.
    """
    return _round_up(parse_quantity(quantity) * 10**9)


def _round_up(number: Fraction) -> int:
    size = -(-abs(number.numerator) // number.denominator)
    return size if number >= 0 else -size


def _fix(text: str) -> str:
    bare = text.strip()
    if bare != text and _NUMBER.fullmatch(bare):
        return f"remove the blanks: {bare!r}"
    if re.fullmatch(r"[0-9.]+K", bare):
        return f"write {bare[:-1]}k (thousands) or {bare}i (1024s)"
    if re.fullmatch(r"[0-9.]+([KMGTPE]i?|k)[Bb]", bare):
        return f"leave out the B: {bare[:-1]!r}"
    return _FIX
