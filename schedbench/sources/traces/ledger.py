"""What an import read, kept, dropped and repaired: every row is accounted for."""

from __future__ import annotations

import dataclasses
from typing import Any

from schedbench.errors import InputError


@dataclasses.dataclass(slots=True)
class Count:
    """How many rows, and where the first of them is."""

    rows: int = 0
    first: str = ""


@dataclasses.dataclass(slots=True)
class TableCount:
    """What became of the rows of one table of a trace.

    Attributes
    ----------
    read
        Rows read.
    dropped
        Reason to rows that gave no pod and no node.
    repaired
        Reason to rows that were used otherwise than they say.
    skipped
        Reason to rows that the user left out, such as by a sample.
    """

    read: int = 0
    dropped: dict[str, Count] = dataclasses.field(default_factory=dict)
    repaired: dict[str, Count] = dataclasses.field(default_factory=dict)
    skipped: dict[str, Count] = dataclasses.field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Rows neither dropped nor skipped."""
        lost = (*self.dropped.values(), *self.skipped.values())
        return self.read - sum(each.rows for each in lost)


class Ledger:
    """The counts of all tables of an import.

    Parameters
    ----------
    strict
        Whether the first row to drop is an error instead.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.tables: dict[str, TableCount] = {}
        self.notes: list[str] = []

    def table(self, name: str) -> TableCount:
        """Return the counts of a table, zeros at first."""
        return self.tables.setdefault(name, TableCount())

    def read(self, table: str, rows: int) -> None:
        """Count rows that were read."""
        self.table(table).read += rows

    def drop(self, table: str, reason: str, rows: int, first: str) -> None:
        """Count dropped rows.

        Raises
        ------
        InputError
            If the import is strict and there are any.
        """
        if rows and self.strict:
            raise InputError(
                f"a row would be dropped: {reason}",
                source=first,
                fix="mend it, or import without --strict",
            )
        _add(self.table(table).dropped, reason, rows, first)

    def repair(self, table: str, reason: str, rows: int, first: str) -> None:
        """Count rows that are used otherwise than they say."""
        _add(self.table(table).repaired, reason, rows, first)

    def skip(self, table: str, reason: str, rows: int, first: str) -> None:
        """Count rows that the user left out."""
        _add(self.table(table).skipped, reason, rows, first)

    def note(self, text: str) -> None:
        """Keep a sentence that the user is told."""
        if text not in self.notes:
            self.notes.append(text)

    def document(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return {
            name: {
                "read": count.read,
                "kept": count.kept,
                **{
                    kind: {
                        reason: dataclasses.asdict(each)
                        for reason, each in getattr(count, kind).items()
                    }
                    for kind in ("dropped", "repaired", "skipped")
                },
            }
            for name, count in self.tables.items()
        }


def _add(counts: dict[str, Count], reason: str, rows: int, first: str) -> None:
    if rows:
        count = counts.setdefault(reason, Count(0, first))
        count.rows += rows
