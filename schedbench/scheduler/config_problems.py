"""How upstream words what is wrong with a field.

Source: k8s.io/apimachinery v0.34.1 pkg/util/validation{,/field} and pkg/labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schedbench.errors import InputError

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', "
    f"regex used for validation is '{_NAME}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', "
    "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',"
    "  or 'my_value',  or '12345', regex used for validation is "
    f"'({_NAME})?')"
)
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_DOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters,"
    " '-' or '.', and must start and end with an alphanumeric character (e.g. "
    f"'example.com', regex used for validation is '{_DOMAIN}')"
)
_TOO_LONG = "must be no more than {} characters"


class Problem(NamedTuple):
    """A field path and what is wrong there."""

    where: str
    what: str


def invalid(where: str, value: object, detail: str) -> Problem:
    """Return the problem of a value that may not stand there."""
    return Problem(where, f"Invalid value: {shown(value)}: {detail}")


def required(where: str, detail: str = "") -> Problem:
    """Return the problem of a value that is missing."""
    return Problem(where, f"Required value{': ' if detail else ''}{detail}")


def forbidden(where: str, detail: str) -> Problem:
    """Return the problem of a field that may not be given here."""
    return Problem(where, f"Forbidden: {detail}")


def duplicate(where: str, value: object) -> Problem:
    """Return the problem of a value that is there already."""
    return Problem(where, f"Duplicate value: {shown(value)}")


def unsupported(where: str, value: str, choices: Iterable[str]) -> Problem:
    """Return the problem of a value that is none of the choices."""
    listed = ", ".join(map(shown, choices))
    return Problem(
        where, f"Unsupported value: {shown(value)}: supported values: {listed}"
    )


def shown(value: object) -> str:
    """Return a value as upstream's messages show it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def qualified_name_problems(name: str) -> list[str]:
    """Return why a text is no name of a label or resource; none if it is one."""
    found = []
    parts = name.split("/")
    if len(parts) > 2:
        optional = "with an optional DNS subdomain prefix and '/'"
        return [f"a qualified name {_NAME_RULE} {optional} (e.g. 'example.com/MyName')"]
    if len(parts) == 2:
        found += [f"prefix part {one}" for one in _domain_problems(parts[0])]
    last = parts[-1]
    if not last:
        found.append("name part must be non-empty")
    elif len(last.encode()) > 63:
        found.append(f"name part {_TOO_LONG.format(63)}")
    if not re.fullmatch(_NAME, last):
        found.append(f"name part {_NAME_RULE}")
    return found


def label_value_problems(value: str) -> list[str]:
    """Return why a text is no value of a label; none if it is one."""
    found = []
    if len(value.encode()) > 63:
        found.append(_TOO_LONG.format(63))
    if not re.fullmatch(f"({_NAME})?", value):
        found.append(_VALUE_RULE)
    return found


def raise_for(problems: Sequence[Problem]) -> None:
    """Raise what was found, if anything, as one error at the first place.

    Raises
    ------
    InputError
        If there is a problem; the others follow the first, each with its field path.
    """
    if not problems:
        return
    first, *others = dict.fromkeys(problems)
    text = "; ".join([first.what, *(f"{one.where}: {one.what}" for one in others)])
    raise InputError(text, where=first.where)


def _domain_problems(name: str) -> list[str]:
    if not name:
        return ["must be non-empty"]
    found = []
    if len(name.encode()) > 253:
        found.append(_TOO_LONG.format(253))
    if not re.fullmatch(_DOMAIN, name):
        found.append(_DOMAIN_RULE)
    return found
