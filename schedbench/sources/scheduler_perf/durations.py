"""Durations as Go writes them."""

from __future__ import annotations

import re

from schedbench.errors import InputError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|ns)")


def seconds(duration: str) -> float:
    """Return the seconds of a Go duration such as `1m30s`.

    Raises
    ------
    InputError
        If it is not a duration.
    """
    parts = _PART.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration or not parts:
        raise InputError("not a duration", value=duration, fix="write such as 90s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
