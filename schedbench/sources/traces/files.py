"""The files of a trace: which table each holds, and their rows in bounded chunks."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from schedbench.errors import InputError
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.rows import Rows

BLOCK_BYTES = 1 << 22
"""Bytes of a CSV file that are parsed at once, some 50,000 rows."""

CHUNK = 65_536
"""Rows that are held at once where a format has no blocks of its own."""

PACKED = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".7z")


def find_tables(
    paths: Sequence[Path],
    needed: Sequence[str],
    optional: Sequence[str] = (),
    suffixes: Sequence[str] = (".csv", ".csv.gz"),
    ledger: Ledger | None = None,
) -> dict[str, list[Path]]:
    """Return the files of each table, by the name of the file or of its folder.

    Parameters
    ----------
    paths
        Files, or folders with files, which may be shards in a folder named as a table.
    suffixes
        How the files of a table end; others in a folder are passed over.
    ledger
        Is told of files that hold no table.

    Raises
    ------
    InputError
        If a path is not there, a file holds no known table, or a table is missing.
    """
    tables = (*needed, *optional)
    found: dict[str, list[Path]] = {}
    for path in paths:
        for file in _files(path):
            table = _table_of(file, tables)
            if table is not None and file.name.endswith(tuple(suffixes)):
                found.setdefault(table, []).append(file)
            elif path.is_file() or (table and file.name.endswith(PACKED)):
                raise _not_a_table(file, tables, suffixes)
            elif ledger is not None and file.name.endswith(tuple(suffixes)):
                ledger.note(f"{file.name} is no table that is read.")
    for table in needed:
        if table not in found:
            names = " or ".join(f"{table}*{suffix}" for suffix in suffixes)
            raise InputError(
                f"the table {table} is missing",
                source=", ".join(map(str, paths)),
                fix=f"give {names}, or the folder that holds it",
            )
    return {table: sorted(set(files)) for table, files in found.items()}


def read_csv(
    files: Sequence[Path],
    table: str,
    ledger: Ledger,
    *,
    names: Sequence[str] | None = None,
    header: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> Iterator[Rows]:
    """Yield the rows of CSV files, plain or gzipped, in chunks.

    Parameters
    ----------
    names
        The columns of files without a header.
    header, optional
        Columns which a header must and may name, in any order.

    Raises
    ------
    InputError
        If a file cannot be read or is truncated, its header lacks or adds a column, or
        a row has another number of cells.
    """
    for path in files:
        with opened(path) as stream:
            yield from _csv_chunks(path, stream, table, ledger, names, header, optional)


def _csv_chunks(
    path: Path,
    stream: IO[bytes],
    table: str,
    ledger: Ledger,
    names: Sequence[str] | None,
    header: Sequence[str],
    optional: Sequence[str],
) -> Iterator[Rows]:
    import pyarrow as pa
    from pyarrow import csv

    try:
        if names is None:
            names = _header(path, stream, header, optional)
            first = 2
        else:
            first = 1
        if not stream.peek(1)[:1]:  # type: ignore[attr-defined]
            return
        reader = csv.open_csv(
            stream,
            read_options=csv.ReadOptions(
                column_names=list(names), block_size=BLOCK_BYTES, use_threads=False
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            rows = Rows(
                table,
                path.name,
                dict(zip(names, batch.columns, strict=True)),
                np.arange(first, first + len(batch)),
                ledger,
            )
            ledger.read(table, len(rows))
            first += len(rows)
            for name in names:
                _refuse_open_quote(rows, name)
            yield rows
    except pa.ArrowInvalid as error:
        raise _malformed(path, str(error), 1 if first == 2 else 0) from None
    except (EOFError, zlib.error, OSError) as error:
        raise _broken(path, error) from None


def _refuse_open_quote(rows: Rows, name: str) -> None:
    """Refuse a cell with a line end: a quote that was not closed swallowed rows."""
    import pyarrow.compute as pc

    found = pc.match_substring(rows.columns[name], "\n")
    if pc.any(found).as_py():
        wrong = np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)
        raise rows.error(wrong, name, "a quote that is not closed")


def chunk(
    table: str,
    path: Path,
    ledger: Ledger,
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    numbers: Sequence[int],
) -> Rows:
    """Make rows of lists of cells, of which each has the number given."""
    import pyarrow as pa

    columns = list(zip(*cells, strict=True)) if cells else [()] * len(names)
    ledger.read(table, len(cells))
    return Rows(
        table,
        path.name,
        {
            name: pa.array(column, pa.string())
            for name, column in zip(names, columns, strict=True)
        },
        np.asarray(numbers, dtype=np.int64),
        ledger,
    )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file of bytes, unpacked if its name ends with .gz.

    Raises
    ------
    InputError
        If it cannot be read, or ends too early.
    """
    try:
        with path.open("rb") as raw:
            if path.suffix != ".gz":
                yield raw
                return
            with gzip.open(raw) as unpacked:
                yield unpacked
    except (EOFError, zlib.error, OSError) as error:
        raise _broken(path, error) from None


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise InputError("no such file or folder", source=path)
    if path.is_file():
        return [path]
    return sorted(each for each in path.rglob("*") if each.is_file())


def _table_of(file: Path, tables: Sequence[str]) -> str | None:
    fitting = [
        table
        for table in tables
        if file.name.startswith(table) or file.parent.name == table
    ]
    return max(fitting, key=len, default=None)


def _not_a_table(
    file: Path, tables: Sequence[str], suffixes: Sequence[str]
) -> InputError:
    if file.name.endswith(PACKED):
        return InputError("an archive", source=file, fix="unpack it first")
    return InputError(
        "no table of this trace",
        source=file,
        fix=f"its tables are {', '.join(tables)}, its files end with "
        + " or ".join(suffixes),
    )


def _header(
    path: Path, stream: IO[bytes], needed: Sequence[str], optional: Sequence[str]
) -> list[str]:
    line = stream.readline(1 << 20).decode("utf-8-sig", errors="replace")
    names = [cell.strip().strip('"') for cell in line.rstrip("\r\n").split(",")]
    expected = "expected " + ",".join((*needed, *optional))
    for name in needed:
        if name not in names:
            raise InputError(
                f"missing column {name!r}",
                source=path, where="row 1", value=line.rstrip("\r\n"), fix=expected,
            )  # fmt: skip
    for name in names:
        if name not in needed and name not in optional:
            raise InputError(
                "unknown column", source=path, where="row 1", value=name, fix=expected
            )
        if names.count(name) > 1:
            raise InputError(
                "two columns have one name", source=path, where="row 1", value=name,
                fix=expected,
            )  # fmt: skip
    return names


def _malformed(path: Path, text: str, shift: int) -> InputError:
    """Return Arrow's words for a malformed row, with the number of the file's line."""
    import re

    found = re.search(r"Row #(\d+): (.*)", text, re.DOTALL)
    if found is None:
        return InputError(f"not a CSV table ({text})", source=path)
    return InputError(
        found[2].strip().replace("Expected", "expected"),
        source=path,
        where=f"row {int(found[1]) + shift}",
        fix="the file may be truncated: mend or remove the row",
    )


def _broken(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(
        f"cannot be read ({reason})",
        source=path,
        fix="check that it is whole and not packed otherwise than its name says",
    )
