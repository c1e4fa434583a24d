"""YAML documents built from parser events, bounded while they are read.

Building from events rather than by a stock constructor bounds nesting and aliases and
finds duplicate keys. Scalars mean what they mean to kubectl: no timestamps, no
sexagesimal numbers, no tags beyond the JSON types, and mapping keys are strings.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import yaml

from schedbench.errors import InputError

Document: TypeAlias = dict[str, Any]

MAX_NESTING = 100
"""Deepest nesting of mappings and lists, aliases expanded."""
MAX_ALIAS_NODES = 1_000_000
"""Most nodes that aliases may add to one document."""

C_LOADER: bool = yaml.__with_libyaml__
"""Whether PyYAML has its C parser; without it YAML reads some ten times slower."""

TOO_DEEP_FOR_LIBYAML = "exceeded maximum nesting depth"
"""What libyaml says where it has a limit of its own, as in PyYAML from 6.0.4 on."""
_PARSER = yaml.CSafeLoader if C_LOADER else yaml.SafeLoader

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
_TYPES: dict[str, tuple[type, ...]] = {
    f"{_TAG}int": (int,),
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": (bool,),
    f"{_TAG}null": (type(None),),
}


def parse_yaml(text: bytes, label: str) -> Iterator[tuple[str, str, object]]:
    """Parse YAML as (label, line, value) of each document that is not empty.

    The label is `label`, with `#n` for the n-th of several documents.

    Raises
    ------
    InputError
        If the text is not YAML, or a document is too deep or expands too much.
    """
    reader = _Reader(text, label)
    held: tuple[int, str, object] | None = None
    try:
        reader.parser.get_event()
        position = 0
        while reader.parser.check_event(yaml.DocumentStartEvent):
            start: Any = reader.parser.get_event()
            position += 1
            reader.label = f"{label}#{position}" if position > 1 else label
            document = reader.document()
            if held is not None:
                yield f"{label}#{held[0]}", *held[1:]
            held = None
            if document is not None:
                held = (position, f"line {start.start_mark.line + 1}", document)
        if held is not None:
            yield (f"{label}#{held[0]}" if position > 1 else label), *held[1:]
    except yaml.YAMLError as error:
        raise _malformed(error, text, label) from None
    finally:
        reader.parser.dispose()


def line_of(text: bytes, position: int) -> str:
    """Return `line n` of a byte position."""
    lines_before = text.count(b"\n", 0, max(position, 0))
    return f"line {lines_before + 1}"


def too_deep(label: str, where: str | None = None) -> InputError:
    """Return the error of a document that nests too deep."""
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
        # On its way through JSON a whole number loses its form: 1e3 is 1000 to kubectl.
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
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
            raise too_deep(self.label, f"line {event.start_mark.line + 1}")
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
            if is_key and text == "<<" and event.anchor is None:
                return _Merge
        elif event.tag in {"!", _TAG + "str"}:
            return text
        elif event.tag not in _TYPES:
            raise self.unknown_tag(event)
        try:
            value = _scalar(text)
        except ValueError:
            raise self.fail(
                "not a number JSON knows",
                event,
                value=text,
                fix="quote it if it is text",
            ) from None
        if event.tag is not None and type(value) not in _TYPES[event.tag]:
            raise self.fail(
                f"not what its tag {event.tag.removeprefix(_TAG)} says",
                event,
                value=text,
                fix="remove the tag",
            )
        return value

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
            raise too_deep(self.label, f"line {event.start_mark.line + 1}")
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


def _malformed(error: yaml.YAMLError, text: bytes, label: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        where = f"line {mark.line + 1}, column {mark.column + 1}"
    else:
        where = line_of(text, getattr(error, "position", 0) or 0)
    problem = getattr(error, "problem", None) or getattr(error, "reason", str(error))
    if problem == TOO_DEEP_FOR_LIBYAML:
        return too_deep(label, where)
    return InputError(
        f"malformed YAML ({problem})",
        source=label,
        where=where,
        fix="check indentation and quotes there",
    )
