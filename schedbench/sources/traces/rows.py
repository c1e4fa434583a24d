"""Some rows of a trace's table, whose every cell is checked where it is used.

A malformed cell is an error that names file, row, column and value. What is known to
occur in a trace is dropped or repaired instead, and counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError, UnknownNameError
from schedbench.sources.traces.ledger import Ledger

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 2**53
"""The largest whole number that a float64 tells from its neighbours."""

TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one file.

    Attributes
    ----------
    table
        Name of the table, for the counts.
    source
        Name of the file.
    columns
        Name to an Arrow array of texts.
    row : int64[row]
        Number of each row in the file, the first line being 1.
    ledger
        Where dropped and repaired rows are counted.
    """

    table: str
    source: str
    columns: Mapping[str, pa.Array]
    row: Ints
    ledger: Ledger

    def __len__(self) -> int:
        return len(self.row)

    def texts(self, name: str) -> pa.Array:
        """Return a column as texts without blanks around them."""
        import pyarrow.compute as pc

        return pc.utf8_trim_whitespace(self.columns[name])

    def is_empty(self, name: str, *words: str) -> Mask:
        """Tell which cells of a column are empty, or one of some words."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pc.is_in(self.texts(name), pa.array(["", *words]))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def equals(self, name: str, word: str) -> Mask:
        """Tell which cells of a column are a word."""
        import pyarrow.compute as pc

        found = pc.equal(self.texts(name), word)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def choice(self, name: str, known: Mapping[str, int]) -> Ints:
        """Return the number that stands for each cell.

        Raises
        ------
        UnknownNameError
            If a cell is no known word.
        """
        encoded = self.texts(name).dictionary_encode()
        words = encoded.dictionary.to_pylist()
        for code, word in enumerate(words):
            if word not in known:
                at = int(np.argmax(np.asarray(encoded.indices) == code))
                raise UnknownNameError(name, word, known).at(
                    source=self.source, where=self._place(at, name)
                )
        numbers = np.array([known[word] for word in words], dtype=np.int64)
        codes = np.asarray(encoded.indices)
        return numbers[codes] if len(words) else np.zeros(0, dtype=np.int64)

    def numbers(
        self,
        name: str,
        *,
        empty: float | None = None,
        least: float | None = 0,
        most: float = MOST,
    ) -> Floats:
        """Return a column of finite numbers, float64[row].

        Parameters
        ----------
        empty
            What stands for an empty cell; None = a cell may not be empty.
        least, most
            Bounds; `least` None = -`most`.

        Raises
        ------
        InputError
            If a cell is NaN, infinite, out of bounds or no number.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = self.texts(name)
        blank = self.is_empty(name)
        if empty is not None and blank.any():
            texts = pc.if_else(pa.array(blank), "0", texts)
        lowest = -most if least is None else least
        try:
            values = np.array(pc.cast(texts, pa.float64()), dtype=np.float64)
        except pa.ArrowInvalid:
            values = np.array([_number(text) for text in texts.to_pylist()])
        with np.errstate(invalid="ignore"):
            wrong = ~((values >= lowest) & (values <= most))
        if empty is not None:
            values[blank] = empty
            wrong &= ~blank
        if wrong.any():
            bounds = "" if most == MOST else f" to {most:g}"
            kind = "number" if least is None else f"number from {least:g}{bounds}"
            raise self.error(wrong, name, f"not a {kind}")
        return values

    def whole(
        self,
        name: str,
        *,
        empty: int | None = None,
        least: int | None = 0,
        most: int = MOST,
    ) -> Ints:
        """Return a column of whole numbers, int64[row]; "3.0" is 3.

        Raises
        ------
        InputError
            If a cell is no whole number, or out of bounds.
        """
        values = self.numbers(name, empty=empty, least=least, most=most)
        broken = values != np.floor(values)
        if broken.any():
            raise self.error(broken, name, "not a whole number")
        return values.astype(np.int64)

    def seconds(self, name: str, *, empty: float | None = None) -> Floats:
        """Return local times `YYYY-MM-DD HH:MM:SS` as seconds since 1970, float64[row].

        Raises
        ------
        InputError
            If a cell is no such time.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = self.texts(name)
        blank = (
            self.is_empty(name) if empty is not None else self.is_empty(name) & False
        )
        sound = pc.match_substring_regex(texts, TIME).to_numpy(zero_copy_only=False)
        wrong = ~np.asarray(sound, dtype=np.bool_) & ~blank
        texts = pc.if_else(pa.array(wrong | blank), "1970-01-01 00:00:00", texts)
        try:
            parsed = pc.cast(texts, pa.timestamp("s"))
        except pa.ArrowInvalid:
            given = [_is_time(text) for text in texts.to_pylist()]
            raise self.error(~np.array(given), name, "not a time") from None
        values = np.array(pc.cast(parsed, pa.int64()), dtype=np.float64)
        self.check(wrong, name, "not a time such as 2020-04-01 00:00:00")
        values[blank] = np.nan if empty is None else empty
        return values

    def drop(self, wrong: Mask, reason: str) -> Rows:
        """Return the rows that are not wrong, and count the others as dropped."""
        return self._without(wrong, reason, "drop")

    def skip(self, unwanted: Mask, reason: str) -> Rows:
        """Return the rows that the user wants, and count the others as skipped."""
        return self._without(unwanted, reason, "skip")

    def repaired(self, which: Mask, reason: str) -> None:
        """Count rows that are used otherwise than they say."""
        count = int(which.sum())
        if count:
            self.ledger.repair(self.table, reason, count, self._first(which))

    def error(
        self,
        wrong: Mask,
        name: str,
        problem: str,
        fix: str = "mend or remove the row",
    ) -> InputError:
        """Return the error of the first wrong row, with the value in a column."""
        at = int(np.argmax(wrong))
        value = self.columns[name][at].as_py()
        if self.row[at] == 1:
            fix = "the file should have no header line; remove it if it has one"
        return InputError(
            problem,
            source=self.source,
            where=self._place(at, name),
            value=value,
            fix=fix,
        )

    def check(self, wrong: Mask, name: str, problem: str) -> None:
        """Raise the error of the first wrong row, if there is one."""
        if wrong.any():
            raise self.error(wrong, name, problem)

    def _without(self, mask: Mask, reason: str, how: str) -> Rows:
        import pyarrow as pa

        count = int(mask.sum())
        if not count:
            return self
        getattr(self.ledger, how)(self.table, reason, count, self._first(mask))
        kept = pa.array(~mask)
        columns = {name: each.filter(kept) for name, each in self.columns.items()}
        return dataclasses.replace(self, columns=columns, row=self.row[~mask])

    def _first(self, mask: Mask) -> str:
        return f"{self.source}: row {self.row[int(np.argmax(mask))]}"

    def _place(self, at: int, name: str) -> str:
        return f"row {self.row[at]}, column {name}"


def _number(text: Any) -> float:
    """Return what a cell says, NaN for what is no number."""
    if not str(text).isascii() or "_" in str(text):
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _is_time(text: str) -> bool:
    """Tell whether a text of the right form is a time that exists."""
    from datetime import datetime

    try:
        datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return False
    return True
