"""The functions of templates, and how Go prints, compares and judges values.

Numbers of a configuration are floats, as `map[string]any` decoded from JSON holds them
in Go; `.Index`, `.Count` and the results of integer functions are integers. The rules
are those of Go's text/template and fmt packages.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schedbench.errors import InputError


class Missing:
    """A parameter that is not given: false, and an error when printed."""


MISSING = Missing()


def truth(value: Any) -> bool:
    """Tell whether a value is true to `if`: not nil, zero or empty."""
    return not (value is None or value is MISSING or value in (0, "", [], {}))


def printed(value: Any) -> str:
    """Return a value as `{{value}}` prints it.

    Raises
    ------
    InputError
        If the value is missing, or is a list or a map.
    """
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _shortest(value)
    if value is None or value is MISSING:
        raise InputError(
            "prints a value that is not there", fix="give it in templateParams"
        )
    raise InputError("prints a list or a map", value=value, fix="use the function JSON")


def _shortest(value: float) -> str:
    """Format as Go's %v: shortest digits, exponent form below 1e-4 and from 1e6."""
    if not math.isfinite(value):
        raise InputError("prints a number that is not finite", value=value)
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    if value == 0:
        return "0"
    if -4 <= int(exponent) < 6:
        return f"{Decimal(repr(value)).normalize():f}"
    return f"{mantissa}e{int(exponent):+03d}"


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or value is None or value is MISSING:
        pass
    elif isinstance(value, int | float):
        return value
    elif isinstance(value, str):
        for parse in (int, float):
            try:
                return parse(value)
            except ValueError:
                continue
    raise InputError(
        "not a number",
        value=None if value is MISSING else value,
        fix="give it in templateParams",
    )


def _integer(value: Any) -> int:
    number = _number(value)
    if isinstance(number, float) and not math.isfinite(number):
        raise InputError("not an integer", value=number)
    return int(number)


def _divide_int(left: int, right: int) -> int:
    if right == 0:
        raise InputError("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _mod(left: int, right: int) -> int:
    return left - right * _divide_int(left, right)


def _divide_float(left: float, right: float) -> float:
    if right == 0:
        raise InputError("division by zero")
    return left / right


def _of_integers(function: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    return lambda left, right: function(_integer(left), _integer(right))


def _of_floats(
    function: Callable[[float, float], float],
) -> Callable[[Any, Any], float]:
    return lambda left, right: function(float(_number(left)), float(_number(right)))


def _json(value: Any) -> str:
    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: plain(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [plain(inner) for inner in item]
        if item is MISSING:
            return None
        if isinstance(item, float) and item.is_integer():
            return int(item)
        return item

    text = json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _equal(left: Any, *others: Any) -> bool:
    if not others:
        raise InputError("eq compares one value with nothing")
    return any(_kind(left) == _kind(other) and left == other for other in others)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def function(left: Any, right: Any) -> bool:
        if _kind(left) != _kind(right) or _kind(left) not in {"number", "str"}:
            raise InputError("values that have no order", value=[left, right])
        return compare(left, right)

    return function


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise InputError("len of a value without length", value=value)
    return len(value)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, list):
            position = _integer(key)
            if not 0 <= position < len(value):
                raise InputError("index out of range", value=key)
            value = value[position]
        elif isinstance(value, dict):
            value = value.get(key, MISSING)
        else:
            raise InputError("index of a value that is no list or map", value=value)
    return value


_VERB = re.compile(r"%([-+ 0]*\d*(?:\.\d+)?)([a-zA-Z%])")


def _printf(pattern: Any, *arguments: Any) -> str:
    rest = list(arguments)

    def one(match: re.Match[str]) -> str:
        flags, verb = match.groups()
        if verb == "%":
            return "%"
        if not rest:
            raise InputError("printf has too few arguments", value=pattern)
        value = rest.pop(0)
        if verb in "sv":
            return f"%{flags}s" % printed(value)
        if verb == "q" and isinstance(value, str):
            return json.dumps(value, ensure_ascii=False)
        if verb in "dxXo" and isinstance(value, int) and not isinstance(value, bool):
            return f"%{flags}{verb}" % value
        if verb in "feEgG" and isinstance(value, float):
            return f"%{flags}{verb}" % value
        raise InputError(f"printf cannot print this with %{verb}", value=value)

    text = _VERB.sub(one, str(pattern))
    if rest:
        raise InputError("printf has too many arguments", value=pattern)
    return text


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "AddInt": _of_integers(operator.add),
    "SubtractInt": _of_integers(operator.sub),
    "MultiplyInt": _of_integers(operator.mul),
    "DivideInt": _of_integers(_divide_int),
    "Mod": _of_integers(_mod),
    "AddFloat": _of_floats(operator.add),
    "SubtractFloat": _of_floats(operator.sub),
    "MultiplyFloat": _of_floats(operator.mul),
    "DivideFloat": _of_floats(_divide_float),
    "Int": _integer,
    "JSON": _json,
    "div": _of_integers(_divide_int),
    "mod": _of_integers(_mod),
    "not": lambda value: not truth(value),
    "eq": _equal,
    "ne": lambda left, right: not _equal(left, right),
    "lt": _ordered(operator.lt),
    "le": _ordered(operator.le),
    "gt": _ordered(operator.gt),
    "ge": _ordered(operator.ge),
    "len": _length,
    "index": _index,
    "print": lambda *values: "".join(map(printed, values)),
    "printf": _printf,
}
"""Functions by name; `and` and `or`, which stop where they can, are not here."""
