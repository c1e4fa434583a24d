"""Reading of CSV tables whose every cell is checked, told by file, row and column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError


def read_table(
    path: Path, needed: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Read the named columns of a CSV file as texts; absent optional ones are left out.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a needed column, or a row is too short.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file, strict=True) if row]
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            source=path,
            fix="check the folder given as data",
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"not a CSV table ({error})", source=path) from None
    header = rows[0] if rows else []
    for name in needed:
        if name not in header:
            raise InputError(
                f"missing column {name!r}",
                source=path,
                where="row 1",
                value=header,
                fix="expected " + ",".join(needed),
            )
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(
                f"{len(row)} cells, expected {len(header)}",
                source=path,
                where=f"row {number}",
                value=",".join(row),
                fix="mend or remove the row",
            )
    return {
        name: [row[header.index(name)].strip() for row in rows[1:]]
        for name in (*needed, *optional)
        if name in header
    }


def whole_numbers(
    path: Path,
    column: str,
    cells: Sequence[str],
    *,
    most: int = 2**53,
    empty: int | None = None,
) -> NDArray[np.int64]:
    """Return a column of whole numbers 0..`most`, int64[row].

    `empty` stands for an empty cell; None = a cell may not be empty.

    Raises
    ------
    InputError
        If a cell is NaN, negative, too large, or no whole number.
    """
    numbers = np.empty(len(cells), dtype=np.int64)
    for index, cell in enumerate(cells):
        if not cell and empty is not None:
            numbers[index] = empty
            continue
        try:
            number = _whole(cell)
        except (ValueError, OverflowError):
            number = -1
        if not 0 <= number <= most:
            raise InputError(
                "not a whole number from 0" + ("" if most == 2**53 else f" to {most}"),
                source=path,
                where=f"row {index + 2}, column {column}",
                value=cell,
                fix="mend or remove the row",
            )
        numbers[index] = number
    return numbers


def _whole(cell: str) -> int:
    """Return the number in a cell; "3.0", as spreadsheets write it, is 3."""
    if cell.isdecimal():
        return int(cell)
    number = float(cell)
    if number != int(number):
        raise ValueError(cell)
    return int(number)
