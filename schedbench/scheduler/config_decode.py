"""Strict reading of documents into structs: an unknown field is an error.

Upstream reads component configurations strictly: fields are spelled exactly, and null
counts as absent (k8s.io/apimachinery v0.34.1 pkg/runtime/serializer/json).
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Hashable, Iterator
from typing import Any, TypeVar, cast

import msgspec

from schedbench.errors import InputError

T = TypeVar("T")


def decode_strictly(value: Any, kind: type[T], where: str = "") -> T:
    """Return the struct that a document describes.

    Raises
    ------
    InputError
        If a field is unknown or holds what it must not; `where` leads its path.
    """
    value = without_nulls(value)
    for place, name, known in _unknown_fields(
        value, _fields_of(cast("Hashable", kind)), where
    ):
        near = difflib.get_close_matches(name, known, n=1)
        raise InputError(
            "unknown field",
            where=f"{place}.{name}".removeprefix("."),
            fix=f"did you mean {near[0]!r}?"
            if near
            else f"known: {', '.join(sorted(known))}",
        )
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).removesuffix("`").partition(" - at `$")
        problem = re.sub(r"`|(?<=`) \| null", "", problem).replace(" | null", "")
        problem = problem.replace("object", "mapping").replace("array", "list")
        raise InputError(
            problem[0].lower() + problem[1:],
            where=f"{where}{path}".removeprefix(".") or None,
        ) from None


def without_nulls(value: Any) -> Any:
    """Return the value without entries that are null; in a list, they are empty."""
    if isinstance(value, dict):
        return {k: without_nulls(item) for k, item in value.items() if item is not None}
    if isinstance(value, list):
        return [{} if item is None else without_nulls(item) for item in value]
    return value


@functools.cache
def _fields_of(kind: Hashable) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(kind)


def _unknown_fields(
    value: Any, kind: msgspec.inspect.Type, where: str
) -> Iterator[tuple[str, str, list[str]]]:
    """Yield place, name, and the fields that are known there."""
    match kind:
        case msgspec.inspect.UnionType():
            for part in kind.types:
                yield from _unknown_fields(value, part, where)
        case msgspec.inspect.StructType() if isinstance(value, dict):
            fields = {field.encode_name: field.type for field in kind.fields}
            for name, item in value.items():
                if name in fields:
                    yield from _unknown_fields(item, fields[name], f"{where}.{name}")
                else:
                    yield where, name, list(fields)
        case msgspec.inspect.ListType() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _unknown_fields(item, kind.item_type, f"{where}[{index}]")
