"""Safe reading of YAML and JSON documents, plain or gzipped, from files or stdin.

The bounds are wide enough for any cluster and narrow enough for any machine: size after
decompression here, nesting and alias expansion in `yaml_values`.
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import msgspec

from schedbench.errors import InputError
from schedbench.sources.yaml_values import (
    MAX_NESTING,
    Document,
    line_of,
    parse_yaml,
    too_deep,
)

Format: TypeAlias = Literal["yaml", "json"]

MAX_BYTES = 1 << 30
"""Largest input, after decompression."""
_STDIN = "<stdin>"
_FORMATS: dict[str, Format] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


def load_documents(source: Path | str) -> Iterator[tuple[str, Document]]:
    """Read a file, or `-` for standard input, as labelled mappings.

    The format follows the name (`.yaml`, `.yml`, `.json`, each optionally `.gz`), else
    the content. Labels are the file's name, with `#n` for the n-th of several.

    Raises
    ------
    InputError
        If the source cannot be read or holds anything but mappings.
    """
    yield from parse_documents(*read_source(source))


def read_source(source: Path | str) -> tuple[bytes, str, Format | None]:
    """Return the bytes of a file or of standard input, its label and its format."""
    if str(source) == "-":
        return _bounded(sys.stdin.buffer, _STDIN), _STDIN, None
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
    return data, label, _FORMATS.get(suffix.lower())


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
    for place, where, value in parse_values(text, label, format):
        if not isinstance(value, dict):
            raise InputError(
                f"expected a mapping at the top, found {_kind(value)}",
                source=place,
                where=where,
                value=value,
                fix="a document starts with keys such as apiVersion and kind",
            )
        yield place, value


def parse_values(
    text: bytes,
    label: str,
    format: Format | None = None,  # noqa: A002
) -> Iterator[tuple[str, str, object]]:
    """Parse text as `parse_documents`, into (label, line, value) of any type."""
    text = unpacked(text, label)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "not UTF-8 text",
            source=label,
            where=line_of(text, error.start),
            value=text[error.start : error.end],
            fix="save the file as UTF-8",
        ) from None
    if format == "json":
        yield label, "line 1", _parse_json(text, label)
        return
    if format is None and text.lstrip()[:1] == b"{":
        # A YAML flow mapping opens like JSON: only what JSON refuses goes on to YAML.
        try:
            value = _parse_json(text, label)
        except InputError:
            pass
        else:
            yield label, "line 1", value
            return
    found = False
    for item in parse_yaml(text, label):
        found = True
        yield item
    if not found:
        raise InputError("empty", source=label, fix="expected a YAML or JSON document")


def unpacked(text: bytes, label: str) -> bytes:
    """Return the text without gzip and without a byte order mark.

    Raises
    ------
    InputError
        If the gzip data are damaged or too large.
    """
    if text[:2] == b"\x1f\x8b":
        text = _gunzip(text, label)
    return text.removeprefix(b"\xef\xbb\xbf")


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


def _kind(value: object) -> str:
    names = {
        list: "a list",
        str: "a text",
        bool: "a truth value",
        type(None): "nothing",
    }
    return names.get(type(value), "a number")


def _parse_json(text: bytes, label: str) -> object:
    try:
        document: object = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        found = re.search(r"\(byte (\d+)\)", str(error))
        raise InputError(
            f"malformed JSON ({error})",
            source=label,
            where=line_of(text, int(found[1]) if found else len(text)),
            fix="expected one JSON document",
        ) from None
    except RecursionError:
        raise too_deep(label) from None
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(MAX_NESTING):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
    if level:
        raise too_deep(label)
    return document
