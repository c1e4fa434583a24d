"""Settings: `--set cluster.pools.0.count=50`, sizes and `$parameters` of a scenario.

All of them edit the document before it is checked against the schema, so that a
mistyped path is told like any other unknown field.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schedbench.errors import InputError, UnknownNameError
from schedbench.sources.documents import parse_documents

Document = dict[str, Any]


def parse_sets(sets: Sequence[str]) -> dict[str, Any]:
    """Parse `path=value` texts; values are YAML, so numbers and lists keep their type.

    Raises
    ------
    InputError
        If a text has no `=`, or its value is not YAML.
    """
    parsed: dict[str, Any] = {}
    for text in sets:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise InputError(
                "not a setting", source="--set", value=text, fix="write PATH=VALUE"
            )
        label = f"--set {path.strip()}"
        content = f"value: {value.strip() or 'null'}".encode()
        ((_, document),) = parse_documents(content, label, "yaml")
        parsed[path.strip()] = document["value"]
    return parsed


def apply_settings(document: Document, settings: Mapping[str, Any]) -> Document:
    """Return the document with dotted paths set; the given one stays as it is.

    A path names fields, list entries by position or by their `name`, or one of the
    document's `parameters` by its name alone.

    Raises
    ------
    InputError
        If a path names no entry of a list, or leads through a plain value.
    """
    changed: Document = copied(document)
    for path, value in settings.items():
        keys = path.split(".")
        parameters = changed.get("parameters")
        if len(keys) == 1 and isinstance(parameters, dict) and path in parameters:
            keys = ["parameters", path]
        _set(changed, keys, value, path)
    return changed


def substitute(document: Document) -> Document:
    """Replace every text `$name` by the parameter of that name.

    Raises
    ------
    UnknownNameError
        If there is no such parameter.
    """
    parameters = document.get("parameters")
    known = parameters if isinstance(parameters, dict) else {}

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolve(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [resolve(inner) for inner in value]
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in known:
                raise UnknownNameError("parameter", value[1:], known)
            return known[value[1:]]
        return value

    return {
        key: value if key == "parameters" else resolve(value)
        for key, value in document.items()
    }


def spelled_out(settings: Document, document: Document) -> Document:
    """Return settings that name paths wherever they named parameters.

    A parameter's setting becomes one for each place of the document where `$name`
    stands, and stays one of the parameter.
    """
    parameters = document.get("parameters")
    known = parameters if isinstance(parameters, dict) else {}
    places: dict[str, list[str]] = {}
    for path, text in _texts(document, ""):
        if text.startswith("$"):
            places.setdefault(text[1:], []).append(path)
    spelled: Document = {}
    for path, value in settings.items():
        if path in known:
            spelled |= dict.fromkeys(places.get(path, ()), value)
            spelled[f"parameters.{path}"] = value
        else:
            spelled[path] = value
    return spelled


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of every text in a document."""
    if isinstance(value, str):
        yield path, value
    inner: dict[Any, Any] = value if isinstance(value, dict) else {}
    if isinstance(value, list):
        inner = dict(enumerate(value))
    for key, each in inner.items():
        yield from _texts(each, f"{path}.{key}" if path else str(key))


def copied(value: Any) -> Any:
    """Return a copy of a document that shares nothing, YAML aliases included."""
    if isinstance(value, dict):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copied(inner) for inner in value]
    return value


def _set(container: Any, keys: Sequence[str], value: Any, path: str) -> None:
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(container, list):
            index = _entry(container, key, path)
            if last:
                container[index] = copied(value)
            else:
                container = container[index]
        elif isinstance(container, dict):
            rest = ".".join(keys[depth:])
            if last or rest in container:  # a label's key may hold dots
                container[rest] = copied(value)
                return
            if container.get(key) is None:
                container[key] = {}
            container = container[key]
        else:
            raise InputError(
                f"{'.'.join(keys[:depth])} is a plain value and has no {key!r}",
                source="--set",
                value=path,
                fix="shorten the path",
            )


def _entry(entries: list[Any], key: str, path: str) -> int:
    names = [
        str(entry.get("name", index)) if isinstance(entry, dict) else str(index)
        for index, entry in enumerate(entries)
    ]
    if key.isdecimal() and int(key) < len(entries):
        return int(key)
    if key in names:
        return names.index(key)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    raise InputError(
        f"no entry {key!r}",
        source="--set",
        value=path,
        fix=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}",
    )
