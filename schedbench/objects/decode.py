"""From documents to objects, with errors that name object, field and value."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from schedbench.errors import InputError, NotModelledError
from schedbench.objects.kinds import GROUP_OF, KINDS, KubernetesObject
from schedbench.objects.pod_groups import check_pod_group
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.objects.quantities import check_quantities

_FROM_JSON_NAME = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "object": dict,
    "array": list,
}
_PLAIN_WORDS = (
    (" | null", ""),
    ("`", ""),
    ("int | float | str", "a quantity"),
    ("object", "mapping"),
    ("array", "list"),
)
_STRING_MAPS = frozenset({"labels", "annotations", "matchLabels", "nodeSelector"})


class _Head(msgspec.Struct, rename="camel"):
    kind: str = ""
    api_version: str = ""


_HEAD = msgspec.json.Decoder(_Head)


@functools.cache
def _decoder(cls: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)


def decode_object(document: dict[str, Any], source: object = None) -> KubernetesObject:
    """Return the typed object that a document describes; no defaults are filled in.

    Fields that schedbench does not know are ignored; a null counts as absent.

    Raises
    ------
    NotModelledError
        If schedbench has no such kind.
    InputError
        If the document is no API object or a field holds what it must not.
    QuantityError
        If a quantity is malformed, negative or overflows int64.
    """
    kind = document.get("kind")
    if not isinstance(kind, str) or not kind:
        raise InputError(
            "not an API object: no kind",
            source=source,
            fix="give apiVersion and kind, such as v1 and Pod",
        )
    cls = KINDS.get(kind)
    if cls is None or not _is_group(document, kind):
        raise NotModelledError(
            "kind is not modelled",
            source=source,
            where=describe(document),
            value=f"{document.get('apiVersion') or 'v1'} {kind}",
            fix="remove the object",
        )
    try:
        try:
            found = msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            if "`null`" not in str(error):
                raise
            document = _without_nulls(document)
            found = msgspec.convert(document, cls)
        check_quantities(found)
        if isinstance(found, PodGroup | CompositePodGroup):
            check_pod_group(found)
    except msgspec.ValidationError as error:
        raise _field_error(document, cls, str(error)).at(
            source=source, where=describe(document)
        ) from None
    except InputError as error:
        raise error.at(source=source, where=describe(document)) from None
    return found


def decode_json(text: bytes, kind: str, version: str) -> KubernetesObject | None:
    """Return the typed object of a JSON text without reading the fields not known.

    None where `decode_object` has to look: it says what is wrong, or repairs it.

    Parameters
    ----------
    kind, version
        What it is if it does not say so itself.
    """
    try:
        head = _HEAD.decode(text)
        kind, version = head.kind or kind, head.api_version or version
        cls = KINDS.get(kind)
        if cls is None or not _is_group({"apiVersion": version}, kind):
            return None
        found: KubernetesObject = _decoder(cls).decode(text)
        check_quantities(found)
    except (msgspec.DecodeError, InputError, RecursionError):
        return None
    return None if isinstance(found, PodGroup | CompositePodGroup) else found


def describe(document: dict[str, Any]) -> str:
    """Return `Kind namespace/name` of a document, as far as it tells."""
    meta = document.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    name = meta.get("name") or meta.get("generateName") or "(no name)"
    namespace = meta.get("namespace")
    return f"{document.get('kind')} {f'{namespace}/' if namespace else ''}{name}"


def _is_group(document: dict[str, Any], kind: str) -> bool:
    version = document.get("apiVersion") or ""
    if not version:
        return True
    group, slash, _ = str(version).rpartition("/")
    return (group if slash else "") == GROUP_OF[kind]


def _without_nulls(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if key in _STRING_MAPS:
            return {name: "" if item is None else item for name, item in value.items()}
        return {
            name: _without_nulls(item, name)
            for name, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _field_error(document: dict[str, Any], cls: type, text: str) -> InputError:
    """Turn msgspec's "Expected … - at `$.spec…`" into an error with place and value."""
    problem, _, path = text.removesuffix("`").partition(" - at `$")
    wanted = re.findall(r"`(\w+)`|(\w+)(?= \|)|\| (\w+)", problem.split(", got")[0])
    names = {name for group in wanted for name in group if name}
    value, place = _follow(document, path, names)
    details: dict[str, Any] = {"where": place.removeprefix(".") or None}
    if value is not ... and not isinstance(value, dict | list):
        details["value"] = value
    missing = re.fullmatch(r"Object missing required field `(.*)`", problem)
    if missing:
        details["fix"] = f"add {missing[1]}"
        return InputError(f"field {missing[1]} is missing", **details)
    if problem.startswith("Invalid enum value"):
        details["fix"] = f"one of {', '.join(_choices(cls, path)) or 'the API values'}"
        return InputError("no such choice", **details)
    if names == {"str"} and isinstance(value, bool | int | float):
        details["fix"] = "quote it: a text is expected"
    else:
        details["fix"] = "write what the Kubernetes API has there"
    for word, plain in _PLAIN_WORDS:
        problem = problem.replace(word, plain)
    return InputError(problem[0].lower() + problem[1:], **details)


def _follow(value: Any, path: str, wanted: set[str]) -> tuple[Any, str]:
    """Return the value at msgspec's path, and the path with map keys filled in."""
    place = ""
    types = tuple(_FROM_JSON_NAME.get(name, ()) for name in wanted)
    for field, index in _steps(path):
        if field:
            value, place = value.get(field, ...), f"{place}.{field}"
        elif index == "...":
            key = next(
                (key for key, item in value.items() if not _is_any(item, types)), None
            )
            if key is None:
                return ..., place
            value, place = value[key], f"{place}[{key}]"
        else:
            value, place = value[int(index)], f"{place}[{index}]"
    return value, place


def _is_any(value: object, types: tuple[Any, ...]) -> bool:
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _steps(path: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"\.([^.\[\]]+)|\[(\.\.\.|\d+)\]", path)


def _choices(cls: type, path: str) -> list[str]:
    """Return the texts that the field at a path may hold."""
    kind: Any = msgspec.inspect.type_info(cls)
    for field, _ in _steps(path):
        for part in getattr(kind, "types", ()):
            if not isinstance(part, msgspec.inspect.NoneType):
                kind = part
        if field:
            kind = next(f.type for f in kind.fields if f.encode_name == field)
        else:
            kind = getattr(kind, "item_type", None) or kind.value_type
    parts = getattr(kind, "types", (kind,))
    return [
        repr(choice)
        for part in parts
        for choice in getattr(part, "values", ())
        if choice
    ]
