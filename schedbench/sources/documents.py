"""Safe reading of YAML and JSON documents, plain or gzipped, from files or stdin.

YAML is built from parser events rather than by a stock constructor, so that nesting,
aliases and duplicate keys are bounded while reading. Scalars mean what they mean to
kubectl: no timestamps, no sexagesimal numbers, no tags beyond the JSON types, and
mapping keys are strings.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import io
import math
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import msgspec
import yaml

from schedbench.errors import InputError

Format: TypeAlias = Literal["yaml", "json"]
Document: TypeAlias = dict[str, Any]

MAX_BYTES = 1 << 30
"""Largest input, after decompression."""
MAX_NESTING = 100
"""Deepest nesting of mappings and lists, aliases expanded."""
MAX_ALIAS_NODES = 1_000_000
"""Most nodes that aliases may add to one document."""

C_LOADER: bool = yaml.__with_libyaml__
"""Whether PyYAML has its C parser; without it YAML reads some ten times slower."""

_PARSER = yaml.CSafeLoader if C_LOADER else yaml.SafeLoader
_STDIN = "<stdin>"

_BOOLS = {
    spelling: value
    for word, value in (
        ("true", True),
        ("yes", True),
        ("on", True),
        ("false", False),
        ("no", False),
        ("off", False),
    )
    for spelling in (word, word.capitalize(), word.upper())
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(
    r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)", re.ASCII
)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII
)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"


def load_documents(source: Path | str) -> Iterator[tuple[str, Document]]:
    """Read a file, or `-` for standard input, as labelled mappings.

    The format follows the name (`.yaml`, `.yml`, `.json`, each optionally `.gz`), else
    the content. Labels are the file's name, with `#n` for the n-th of several.

    Raises
    ------
    InputError
        If the source cannot be read or holds anything but mappings.
    """
    if str(source) == "-":
        label, suffix = _STDIN, ""
        data = _bounded(sys.stdin.buffer, label)
    else:
        path = Path(source)
        label = str(source)
        suffix = Path(path.stem if path.suffix == ".gz" else path.name).suffix
        try:
            with path.open("rb") as file:
                data = _bounded(file, label)
        except OSError as error:
            raise InputError(
                f"cannot be read ({error.strerror})",
                source=label,
                fix="give a readable file, or - for standard input",
            ) from error
    formats: dict[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
    yield from parse_documents(data, label, formats.get(suffix.lower()))


def parse_documents(
    text: bytes,
    label: str,
    format: Format | None = None,  # noqa: A002
) -> Iterator[tuple[str, Document]]:
    """Parse YAML or JSON text, gzipped or not; `format` None = told from the content.

    Raises
    ------
    InputError
        If the text is malformed, too large, too deep, empty, or not of mappings.
    """
    if text[:2] == b"\x1f\x8b":
        text = _gunzip(text, label)
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "not UTF-8 text",
            source=label,
            where=_line(text, error.start),
            value=text[error.start : error.end],
            fix="save the file as UTF-8",
        ) from None
    if not text.strip():
        raise InputError("empty", source=label, fix="expected a YAML or JSON document")
    if format == "json":
        yield label, _mapping(_parse_json(text, label), label)
        return
    if format is None and text.lstrip()[:1] == b"{":
        # A YAML flow mapping opens like JSON: only what JSON refuses goes on to YAML.
        try:
            document = _parse_json(text, label)
        except InputError:
            pass
        else:
            yield label, _mapping(document, label)
            return
    yield from _parse_yaml(text, label)


def _bounded(file: BinaryIO, label: str) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _too_large(label)
    return data


def _gunzip(data: bytes, label: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            text = file.read(MAX_BYTES + 1)
    except EOFError:
        raise InputError(
            "truncated gzip data", source=label, fix="fetch or compress the file again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"damaged gzip data ({error})",
            source=label,
            fix="fetch or compress the file again",
        ) from None
    if len(text) > MAX_BYTES:
        raise _too_large(label)
    return text


def _too_large(label: str) -> InputError:
    return InputError(
        f"larger than {MAX_BYTES >> 20} MiB",
        source=label,
        fix="split it into several files",
    )


def _line(text: bytes, position: int) -> str:
    lines_before = text.count(b"\n", 0, max(position, 0))
    return f"line {lines_before + 1}"


def _mapping(document: object, label: str, where: str | None = None) -> Document:
    if isinstance(document, dict):
        return document
    raise InputError(
        f"expected a mapping at the top, found {_kind(document)}",
        source=label,
        where=where,
        value=document,
        fix="a document starts with keys such as apiVersion and kind",
    )


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", type(None): "nothing"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _parse_json(text: bytes, label: str) -> object:
    try:
        document: object = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        found = re.search(r"\(byte (\d+)\)", str(error))
        raise InputError(
            f"malformed JSON ({error})",
            source=label,
            where=_line(text, int(found[1]) if found else len(text)),
            fix="expected one JSON document",
        ) from None
    except RecursionError:
        raise _too_deep(label) from None
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(MAX_NESTING):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    if level:
        raise _too_deep(label)
    return document


def _too_deep(label: str, where: str | None = None) -> InputError:
    return InputError(
        f"nested deeper than {MAX_NESTING} levels",
        source=label,
        where=where,
        fix="no Kubernetes object is this deep: check the file",
    )


@functools.lru_cache(maxsize=65_536)
def _scalar(text: str) -> object:
    """Return what a plain YAML scalar means; ValueError if JSON has no such number."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        digits = text.replace("_", "").lower()
        if re.fullmatch(r"[-+]?0[0-7]+", digits):
            return int(digits, 8)
        return int(digits, 0)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(text)
    if _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
        if not math.isfinite(number):
            raise ValueError(text)
        return number
    return text


class _Merge:
    """The plain key `<<`."""


@dataclasses.dataclass(slots=True)
class _Frame:
    """A mapping or list being read."""

    container: Any
    anchor: str | None
    nodes_before: int
    height: int = 1
    key: Any = ...
    merges: list[Document] = dataclasses.field(default_factory=list)


class _Reader:
    """Builds documents from the parser's events, bounding what they may become."""

    def __init__(self, text: bytes, label: str) -> None:
        self.label = label
        self.parser = _PARSER(text)
        self.anchors: dict[str, tuple[Any, int, int] | None] = {}
        self.nodes = 0
        self.alias_nodes = 0

    def fail(self, problem: str, event: Any, **details: Any) -> InputError:
        mark = event.start_mark
        return InputError(
            problem, source=self.label, where=f"line {mark.line + 1}", **details
        )

    def document(self) -> Any:
        """Return the next document; the parser stands behind its start event."""
        self.anchors = {}
        self.nodes = self.alias_nodes = 0
        stack: list[_Frame] = []
        result: Any = None
        while True:
            event: Any = self.parser.get_event()
            kind = type(event)
            if kind is yaml.DocumentEndEvent:
                return result
            if kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                stack.append(self.open(event, kind, len(stack)))
                continue
            self.nodes += 1
            height = 0
            if kind is yaml.ScalarEvent:
                value = self.scalar(event, stack)
                if event.anchor is not None:
                    self.anchors[event.anchor] = (value, 1, 0)
            elif kind is yaml.AliasEvent:
                value, height = self.alias(event, len(stack))
            else:
                frame = stack.pop()
                value, height = frame.container, frame.height
                for merged in frame.merges:
                    for key, inner in merged.items():
                        value.setdefault(key, inner)
                if frame.anchor is not None:
                    size = self.nodes - frame.nodes_before
                    self.anchors[frame.anchor] = (value, size, height)
            if stack:
                self.place(stack[-1], value, height, event)
            else:
                result = value

    def open(self, event: Any, kind: type, depth: int) -> _Frame:
        if depth >= MAX_NESTING:
            raise _too_deep(self.label, f"line {event.start_mark.line + 1}")
        mapping = kind is yaml.MappingStartEvent
        if event.tag not in {None, "!", _TAG + ("map" if mapping else "seq")}:
            raise self.unknown_tag(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        return _Frame({} if mapping else [], event.anchor, self.nodes)

    def unknown_tag(self, event: Any) -> InputError:
        return self.fail(
            "unsupported YAML tag",
            event,
            value=event.tag,
            fix="only the types of JSON are read: remove the tag",
        )

    def scalar(self, event: Any, stack: list[_Frame]) -> Any:
        text = event.value
        if event.tag is None:
            if not event.implicit[0]:
                return text
            is_key = bool(stack) and _wants_key(stack[-1])
            if is_key and text == "<<":
                return _Merge
        elif event.tag in {"!", _TAG + "str"}:
            return text
        elif event.tag not in {
            _TAG + name for name in ("int", "float", "bool", "null")
        }:
            raise self.unknown_tag(event)
        try:
            return _scalar(text)
        except ValueError:
            raise self.fail(
                "not a number JSON knows",
                event,
                value=text,
                fix="quote it if it is text",
            ) from None

    def alias(self, event: Any, depth: int) -> tuple[Any, int]:
        target = self.anchors.get(event.anchor, ...)
        if target is ... or target is None:
            problem = "unknown alias" if target is ... else "alias contains itself"
            raise self.fail(
                problem, event, value=f"*{event.anchor}", fix="define the anchor before"
            )
        value, size, height = target
        self.nodes += size
        self.alias_nodes += size
        if self.alias_nodes > MAX_ALIAS_NODES:
            raise self.fail(
                f"aliases expand to more than {MAX_ALIAS_NODES:,} nodes",
                event,
                fix="write the document without nested aliases",
            )
        if depth + height > MAX_NESTING:
            raise _too_deep(self.label, f"line {event.start_mark.line + 1}")
        return value, height

    def place(self, frame: _Frame, value: Any, height: int, event: Any) -> None:
        frame.height = max(frame.height, height + 1)
        container = frame.container
        if type(container) is list:
            container.append(value)
        elif frame.key is ...:
            frame.key = self.key(container, value, event)
        elif frame.key is _Merge:
            frame.merges.extend(self.merge(value, event))
            frame.key = ...
        else:
            container[frame.key] = value
            frame.key = ...

    def key(self, container: Document, value: Any, event: Any) -> Any:
        if isinstance(value, dict | list) or value is None:
            raise self.fail(
                "a mapping key must be a scalar",
                event,
                value=value,
                fix="quote the key",
            )
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            value = str(value)
        if value in container:
            raise self.fail(
                "duplicate key", event, value=value, fix="keep one of the two"
            )
        return value

    def merge(self, value: Any, event: Any) -> list[Document]:
        values = value if isinstance(value, list) else [value]
        if all(isinstance(item, dict) for item in values):
            return values
        raise self.fail(
            "<< needs a mapping or a list of mappings",
            event,
            value=value,
            fix="mend it",
        )


def _wants_key(frame: _Frame) -> bool:
    return frame.key is ... and type(frame.container) is dict


def _parse_yaml(text: bytes, label: str) -> Iterator[tuple[str, Document]]:
    reader = _Reader(text, label)
    found = False
    held: tuple[int, int, object] | None = None
    try:
        reader.parser.get_event()
        position = 0
        while reader.parser.check_event(yaml.DocumentStartEvent):
            start: Any = reader.parser.get_event()
            position += 1
            reader.label = f"{label}#{position}" if position > 1 else label
            document = reader.document()
            if held is not None:
                found = True
                yield _labelled(label, held, several=True)
            held = None
            if document is not None:
                held = (position, start.start_mark.line, document)
        if held is not None:
            found = True
            yield _labelled(label, held, several=position > 1)
    except yaml.YAMLError as error:
        raise _malformed(error, text, label) from None
    finally:
        reader.parser.dispose()
    if not found:
        raise InputError(
            "holds no document", source=label, fix="expected a YAML or JSON document"
        )


def _labelled(
    label: str, held: tuple[int, int, object], *, several: bool
) -> tuple[str, Document]:
    position, line, document = held
    place = f"{label}#{position}" if several else label
    return place, _mapping(document, place, f"line {line + 1}")


def _malformed(error: yaml.YAMLError, text: bytes, label: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        where = f"line {mark.line + 1}, column {mark.column + 1}"
    else:
        where = _line(text, getattr(error, "position", 0) or 0)
    problem = getattr(error, "problem", None) or getattr(error, "reason", str(error))
    return InputError(
        f"malformed YAML ({problem})",
        source=label,
        where=where,
        fix="check indentation and quotes there",
    )
