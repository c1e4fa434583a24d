"""Rows on disk, for joins and sorts of traces that are larger than memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from schedbench.errors import InputError
from schedbench.sources.traces.files import CHUNK

CACHE_KIB = 65_536


class Spill:
    """A scratch database in a folder; gone with it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "spill.sqlite"

    def __enter__(self) -> Self:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        for pragma in (
            "journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}",
        ):  # fmt: skip
            self._db.execute(f"PRAGMA {pragma}")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)

    def create(self, table: str, columns: Sequence[str]) -> None:
        """Make a table; a column may say more than its name, such as UNIQUE."""
        self._db.execute(f"CREATE TABLE {table} ({', '.join(columns)})")

    def insert(self, table: str, rows: Iterable[Sequence[Any]], width: int) -> int:
        """Add rows, but none whose UNIQUE column is there; return how many came in."""
        marks = ", ".join("?" * width)
        before = self._db.total_changes
        self._db.execute("BEGIN")
        try:
            self._db.executemany(
                f"INSERT OR IGNORE INTO {table} VALUES ({marks})",  # noqa: S608
                rows,
            )
        except OverflowError:
            raise InputError(
                "a number in the trace overflows int64", fix="mend or remove its row"
            ) from None
        self._db.execute("COMMIT")
        return self._db.total_changes - before

    def select(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, a chunk in memory at a time."""
        cursor = self._db.execute(query)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows

    def one(self, query: str) -> Any:
        """Return the single value of a query."""
        return self._db.execute(query).fetchone()[0]
