"""Decoding of our own YAML files: one message with place, value and fix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from schedbench.errors import InputError, UnknownNameError

Decoded = TypeVar("Decoded")

_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def decode(document: object, kind: type[Decoded], source: object) -> Decoded:
    """Convert a document to a struct.

    Raises
    ------
    InputError
        Told with the field's path, its value, and what to do.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _explained(str(error), document, kind, source) from None


def _explained(text: str, document: object, kind: type, source: object) -> InputError:
    match = _PLACE.match(text)
    assert match is not None
    problem, path = match["problem"], match["path"] or "$"
    where = path.removeprefix("$").removeprefix(".") or None
    types, value = _follow(path, document, inspect.type_info(kind))
    unknown = _UNKNOWN.search(problem)
    if unknown is not None:
        known = {field.encode_name for each in types for field in each.fields}
        if path == "$" and isinstance(document, dict):
            known |= set(document.get("parameters") or ())
        return UnknownNameError("field", unknown[1], known).at(
            source=source, where=where
        )
    words = _words(path, document, inspect.type_info(kind))
    if isinstance(value, str) and words and problem.startswith("Invalid "):
        return UnknownNameError("value", value, words).at(source=source, where=where)
    shown = ... if isinstance(value, dict | list) else value
    problem = problem.replace("Object missing", "missing").replace("`", "")
    problem = problem[:1].lower() + problem[1:]
    return InputError(problem, source=source, where=where, value=shown)


def _follow(
    path: str, value: Any, kind: inspect.Type
) -> tuple[list[inspect.StructType], Any]:
    """Walk a msgspec path; return the struct types there, and the value."""
    kinds = [kind]
    for step in _STEP.finditer(path):
        name, index = step.groups()
        kinds = [inner for each in _plain(kinds) for inner in _inside(each, name)]
        if name is not None:
            value = value.get(name) if isinstance(value, dict) else None
        elif index != "..." and isinstance(value, list):
            value = value[int(index)]
        else:
            value = {}
    structs = [each for each in _plain(kinds) if isinstance(each, inspect.StructType)]
    tag = value.get("kind") if isinstance(value, dict) else None
    return [each for each in structs if tag in {None, each.tag}] or structs, value


def _words(path: str, document: object, kind: inspect.Type) -> set[str]:
    """Return the words that may stand at a path: tags, or a few literals."""
    parent, _, last = path.rpartition(".")
    structs, _ = _follow(parent, document, kind)
    words = {str(each.tag) for each in structs if each.tag_field == last}
    for each in structs:
        for found in _plain(
            [field.type for field in each.fields if field.name == last]
        ):
            if isinstance(found, inspect.LiteralType):
                words |= {str(value) for value in found.values}
    return words


def _plain(kinds: list[inspect.Type]) -> Iterator[inspect.Type]:
    for kind in kinds:
        if isinstance(kind, inspect.UnionType):
            yield from _plain(list(kind.types))
        elif isinstance(kind, inspect.Metadata):
            yield from _plain([kind.type])
        else:
            yield kind


def _inside(kind: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == name)
    elif isinstance(kind, inspect.ListType):
        yield kind.item_type
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
