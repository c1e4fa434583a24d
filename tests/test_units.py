"""Quantities: the cases of upstream, exactness, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive.quantity import exact

from schedbench.errors import QuantityError
from schedbench.units import (
    MAX_INT64,
    milli_value,
    nano_value,
    parse_quantity,
    value,
)

POWERS = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
    "Pi": Fraction(2**50),
}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        pytest.param("0", 0, id="zero"),
        pytest.param("0n", 0, id="zero of any suffix is zero"),
        pytest.param("0Ki", 0, id="zero of a binary suffix is zero"),
        pytest.param("-0", 0, id="minus zero is zero"),
        pytest.param("+5", 5, id="a plus sign is allowed"),
        pytest.param("-5", -5, id="a minus sign is read, whoever refuses it later"),
        pytest.param("007", 7, id="leading zeros are decimal"),
        pytest.param(".5", Fraction(1, 2), id="no digit before the point"),
        pytest.param("5.", 5, id="no digit behind the point"),
        pytest.param("100m", Fraction(1, 10), id="milli"),
        pytest.param("1u", Fraction(1, 10**6), id="micro"),
        pytest.param("1n", Fraction(1, 10**9), id="nano"),
        pytest.param("1k", 1000, id="kilo is a small k"),
        pytest.param("1Ki", 1024, id="kibi is a capital K"),
        pytest.param("1.5Gi", 3 * 2**29, id="a fraction of a binary suffix"),
        pytest.param("1E", 10**18, id="a lone E is exa"),
        pytest.param("1Ei", 2**60, id="exbi"),
        pytest.param("1e3", 1000, id="e with digits is an exponent"),
        pytest.param("1E3", 1000, id="E with digits is an exponent, not exa"),
        pytest.param("12E-3", Fraction(12, 1000), id="a negative exponent"),
        pytest.param("1e+3", 1000, id="a signed exponent"),
        pytest.param("0e999999999", 0, id="zero with an immense exponent"),
        pytest.param(4, 4, id="a JSON integer"),
        pytest.param(0.1, Fraction(1, 10), id="a JSON number means its text"),
        pytest.param(1e-7, Fraction(1, 10**7), id="a JSON number with an exponent"),
        pytest.param(str(MAX_INT64), MAX_INT64, id="the greatest int64"),
    ],
)
def test_quantity_is_exact(quantity: str | float, expected: Fraction) -> None:
    """A quantity has exactly the value that its text says."""
    assert parse_quantity(quantity) == expected


@pytest.mark.parametrize(
    ("quantity", "milli", "whole"),
    [
        pytest.param("1", 1000, 1, id="whole"),
        pytest.param("100m", 100, 1, id="a fraction of a unit is one unit"),
        pytest.param("0.0001", 1, 1, id="a fraction of a milli is one milli"),
        pytest.param("1n", 1, 1, id="a nano is one milli and one unit"),
        pytest.param("1001m", 1001, 2, id="a little above one is two"),
        pytest.param("-1500m", -1500, -2, id="negative amounts round away from zero"),
        pytest.param("1e-200", 1, 1, id="the smallest trace counts"),
        pytest.param("0", 0, 0, id="zero stays zero"),
    ],
)
def test_values_round_up(quantity: str, milli: int, whole: int) -> None:
    """Thousandths and whole units are rounded away from zero."""
    actual = (milli_value(quantity), value(quantity))

    assert (milli, whole) == actual


@pytest.mark.parametrize(
    "quantity",
    [
        pytest.param("", id="nothing"),
        pytest.param("1K", id="a capital K alone"),
        pytest.param("1i", id="i alone"),
        pytest.param("1ki", id="small k with i"),
        pytest.param("1mi", id="milli with i"),
        pytest.param("1e", id="an exponent without digits"),
        pytest.param("1e3i", id="an exponent with i"),
        pytest.param("1mm", id="two suffixes"),
        pytest.param("1.1.M", id="two points"),
        pytest.param("1+1.0M", id="a sum"),
        pytest.param("1 Gi", id="a blank inside"),
        pytest.param(" 1", id="a blank before"),
        pytest.param("1GB", id="bytes spelled out"),
        pytest.param("-", id="a sign alone"),
        pytest.param(".", id="a point alone"),
        pytest.param("m", id="a suffix alone"),
        pytest.param("٣", id="digits of another script"),
        pytest.param("1_000", id="an underscore"),
        pytest.param("0x10", id="hexadecimal"),
        pytest.param("aoeu", id="letters"),
        pytest.param("1" * 101, id="a text of more than 100 characters"),
        pytest.param(float("nan"), id="not a number"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param(True, id="a truth value"),
    ],
)
def test_malformed_quantity_is_refused(quantity: str | float) -> None:
    """What Kubernetes would not read is an error that says what to write."""
    with pytest.raises(QuantityError) as caught:
        parse_quantity(quantity)

    assert caught.value.fix
    assert caught.value.value is quantity


@pytest.mark.parametrize(
    ("quantity", "fix"),
    [
        pytest.param("1K", "write 1k (thousands) or 1Ki (1024s)", id="K"),
        pytest.param("2GB", "leave out the B: '2G'", id="GB"),
        pytest.param("2GiB", "leave out the B: '2Gi'", id="GiB"),
        pytest.param(" 2 ", "remove the blanks: '2'", id="blanks"),
    ],
)
def test_common_slips_are_mended(quantity: str, fix: str) -> None:
    """The message for a common slip tells the right spelling."""
    with pytest.raises(QuantityError) as caught:
        value(quantity)

    assert fix == caught.value.fix


@pytest.mark.parametrize("quantity", ["8Ei", "9223372036854775808", "1e19", "1e99999"])
def test_overflow_is_refused(quantity: str) -> None:
    """A quantity above int64 is an error, not a cut or a wrap."""
    with pytest.raises(QuantityError, match="overflows int64"):
        value(quantity)


def test_overflow_of_thousandths_is_refused() -> None:
    """An amount that fits in units but not in thousandths is an error there."""
    assert value("1E") == 10**18
    with pytest.raises(QuantityError, match="in thousandths"):
        milli_value("1E")


@given(
    digits=st.integers(0, 10**6),
    places=st.integers(0, 6),
    suffix=st.sampled_from(sorted(POWERS)),
    sign=st.sampled_from(["", "+", "-"]),
)
def test_decimal_numbers_scale_exactly(
    digits: int, places: int, suffix: str, sign: str
) -> None:
    """Any decimal with any suffix is the product of the two."""
    text = f"{digits:07d}"
    text = f"{text[: 7 - places]}.{text[7 - places :]}"
    expected = Fraction(digits, 10**places) * POWERS[suffix]
    if expected > MAX_INT64:
        with pytest.raises(QuantityError):
            parse_quantity(sign + text + suffix)
        return

    assert (-expected if sign == "-" else expected) == parse_quantity(
        sign + text + suffix
    )


@given(
    digits=st.integers(0, 10**9),
    exponent=st.integers(-12, 9),
    letter=st.sampled_from("eE"),
)
def test_exponents_shift_the_point(digits: int, exponent: int, letter: str) -> None:
    """An exponent is a power of ten."""
    expected = Fraction(digits) * Fraction(10) ** exponent

    assert expected == parse_quantity(f"{digits}{letter}{exponent}")


@given(
    st.from_regex(
        r"[+-]?[0-9]{0,4}\.?[0-9]{0,4}[a-zA-Z]{0,2}[+-]?[0-9]?", fullmatch=True
    )
)
def test_same_language_as_the_naive_reader(text: str) -> None:
    """What is read, what is refused and every value is as the plain reader says."""
    try:
        expected = exact(text)
    except ValueError:
        with pytest.raises(QuantityError):
            parse_quantity(text)
        return
    if expected > MAX_INT64:
        return

    assert abs(expected) * 10**9 == nano_value(text.lstrip("-"))


@given(st.floats(0, 1e12, allow_nan=False))
def test_json_numbers_are_read(number: float) -> None:
    """Any JSON number is a quantity, within a billionth of its value."""
    assert nano_value(number) >= 0
    assert value(number) >= int(number)
