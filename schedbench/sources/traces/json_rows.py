"""Typed rows of JSON lines and Parquet files, and items of a long JSON array."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import msgspec

from schedbench.errors import InputError
from schedbench.sources.traces.files import CHUNK, opened
from schedbench.sources.traces.ledger import Ledger

Row = TypeVar("Row", bound=msgspec.Struct)

READ = 1 << 20
LONGEST = 1 << 26
"""The most bytes of one line or item."""


class Numbered(NamedTuple):
    """A row and the number of its line."""

    row: Any
    number: int
    source: str

    @property
    def place(self) -> str:
        """File and line, for the counts."""
        return f"{self.source}: row {self.number}"


def read_rows(
    files: Sequence[Path], table: str, kind: type[Row], ledger: Ledger
) -> Iterator[Numbered]:
    """Yield typed rows of files of JSON lines (plain or gzipped) or Parquet.

    Numbers may be written as texts, as BigQuery does; null is what absent is.

    Raises
    ------
    InputError
        If a row is malformed or has an unknown field, told by file, row and field.
    """
    for path in files:
        lines = _parquet(path) if path.suffix == ".parquet" else _lines(path)
        decoder = msgspec.json.Decoder(kind, strict=False)
        count = 0
        for number, line in enumerate(lines, start=1):
            try:
                if isinstance(line, bytes):
                    row = decoder.decode(line)
                else:
                    row = msgspec.convert(line, kind, strict=False)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _malformed(path, number, line, str(error)) from None
            count += 1
            if count == CHUNK:
                ledger.read(table, count)
                count = 0
            yield Numbered(row, number, path.name)
        ledger.read(table, count)


def read_array(path: Path, table: str, ledger: Ledger) -> Iterator[tuple[int, Any]]:
    """Yield number and content of each item of a JSON array, one at a time.

    Raises
    ------
    InputError
        If the file is no JSON array, holds NaN, or ends too early.
    """
    decoder = json.JSONDecoder(parse_constant=_refused)
    number, at, want, done = 0, 1, READ, False
    with opened(path) as stream:
        held = _text(path, stream.read(READ)).lstrip()
        if not held.startswith("["):
            raise InputError(
                "no JSON array", source=path, value=held[:40],
                fix="give the trace's own file",
            )  # fmt: skip
        while True:
            at = _skipped(held, at, "," if number else "")
            if held[at : at + 1] == "]":
                return
            try:
                item, at = decoder.raw_decode(held, at)
            except ValueError as error:
                if done or len(held) > LONGEST or isinstance(error, _NotANumberError):
                    raise InputError(
                        f"malformed or truncated JSON ({error})",
                        source=path,
                        where=f"item {number + 1}",
                        fix="check that the file is whole",
                    ) from None
                more = stream.read(want)
                want, done = 2 * want, not more
                held, at = held[at:] + _text(path, more), 0
                continue
            number, want = number + 1, READ
            ledger.read(table, 1)
            yield number, item


_BLANK = re.compile(r"[ \t\r\n]*")


def _skipped(text: str, at: int, mark: str) -> int:
    """Return the place behind blanks and, if it follows, a mark."""
    at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
    if mark and text.startswith(mark, at):
        at = _BLANK.match(text, at + 1).end()  # type: ignore[union-attr]
    return at


class _NotANumberError(ValueError):
    """NaN or Infinity, which Python's reader would take."""


def _refused(word: str) -> NoReturn:
    raise _NotANumberError(word)


def _text(path: Path, data: bytes) -> str:
    """Return ASCII text, which the traces are: a cut cannot fall into a character."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError(f"not ASCII ({error})", source=path) from None


def _lines(path: Path) -> Iterator[bytes]:
    with opened(path) as stream:
        while line := stream.readline(LONGEST):
            if line.strip():
                yield line


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=CHUNK):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"cannot be read as Parquet ({error})", source=path) from None


def _malformed(path: Path, number: int, line: Any, text: str) -> InputError:
    what, _, where = text.partition(" - at `$")
    column = where.rstrip("`").lstrip(".")
    return InputError(
        f"malformed row: {what[0].lower()}{what[1:]}",
        source=path,
        where=f"row {number}" + (f", column {column}" if column else ""),
        value=line.decode(errors="replace").strip()
        if isinstance(line, bytes)
        else line,
        fix="mend or remove the row; the file may be truncated",
    )
