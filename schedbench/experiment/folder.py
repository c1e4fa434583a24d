"""A run's folder: its manifest and its cells, each written whole or not at all.

manifest.json        what was to be run, with what, where
cells/<key>/         cell.json and the cell's tables in parquet
cells/.<key>.<pid>   a cell at work, or what a killed process left of it
results.parquet      one row a cell
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from schedbench.errors import InputError
from schedbench.experiment.cell import SCHEMA_VERSION, CellResult

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "manifest.json"
TABLES = (
    *("placements", "samples", "node_fill", "rejections"),
    *("timelines", "calls", "load", "faults"),
)


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_synced(temporary, content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    """Write a run's manifest."""
    text = msgspec.json.encode(manifest, enc_hook=str)
    write_file(out / MANIFEST, msgspec.json.format(text, indent=2) + b"\n")


def read_manifest(out: Path) -> dict[str, Any]:
    """Return a run's manifest.

    Raises
    ------
    InputError
        If it is missing, damaged, or of another schema version.
    """
    path = out / MANIFEST
    try:
        manifest: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict)
    except FileNotFoundError:
        raise InputError(
            "not the folder of a run: it has no manifest.json", source=out
        ) from None
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"the manifest cannot be read ({error})", source=path
        ) from None
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"results of another schema version than {SCHEMA_VERSION}",
            source=path,
            where="schema_version",
            value=manifest.get("schema_version"),
            fix="run again with this version",
        )
    return manifest


def cell_folder(out: Path, key: str) -> Path:
    """Return where a finished cell lies."""
    return out / "cells" / key


def mark_started(out: Path, key: str) -> Path:
    """Make the folder in which this process prepares a cell, and return it.

    It tells which cells were at work when a worker died.
    """
    temporary = out / "cells" / f".{key}.{os.getpid()}"
    temporary.mkdir(parents=True, exist_ok=True)
    return temporary


def started_cells(out: Path) -> set[str]:
    """Return the keys of cells that were begun and did not end."""
    return {path.name.split(".")[1] for path in (out / "cells").glob(".*")}


def clean(out: Path) -> int:
    """Remove what killed processes left; return how many cells were half-written."""
    stale = list((out / "cells").glob(".*"))
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    for path in out.glob(".*.json.*"):
        path.unlink(missing_ok=True)
    for path in out.glob(".*.parquet.*"):
        path.unlink(missing_ok=True)
    return len(stale)


def write_cell(out: Path, result: CellResult) -> Path:
    """Write a cell's folder, replacing an older one, and return it.

    Every byte is on the disk before the folder gets its name.
    """
    import pyarrow.parquet as pq

    temporary = mark_started(out, result.key)
    rows = {}
    for name, table in result.tables.items():
        path = temporary / f"{name}.parquet"
        pq.write_table(
            table, path, compression="zstd", use_dictionary=_repeating(table)
        )
        with path.open("rb") as file:
            os.fsync(file.fileno())
        rows[name] = table.num_rows
    fields = msgspec.structs.asdict(result) | {"tables": None}
    document = {"schema_version": SCHEMA_VERSION, **fields, "rows": rows}
    del document["tables"]
    text = msgspec.json.encode(document, enc_hook=_number)
    _write_synced(temporary / "cell.json", msgspec.json.format(text, indent=2) + b"\n")
    _sync_folder(temporary)
    target = cell_folder(out, result.key)
    with _moved_away(target):
        temporary.rename(target)
    _sync_folder(target.parent)
    return target


def _repeating(table: pa.Table) -> list[str]:
    """Return the columns worth a dictionary: not names of which most occur few times.

    To look a million pods up in one takes longer than the rest of the writing.
    """
    return [
        field.name
        for field, column in zip(table.schema, table.columns, strict=True)
        if not hasattr(field.type, "index_type")
        or 8 * sum(len(chunk.dictionary) for chunk in column.chunks) < len(column)
    ]


def read_cell(folder: Path) -> CellResult:
    """Return the numbers of a stored cell, after looking at all of its files.

    Raises
    ------
    InputError
        If a file is missing or damaged; names it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "cell.json"
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict)
        rows = document.pop("rows")
        result = msgspec.convert(document, CellResult)
        for name, count in rows.items():
            path = folder / f"{name}.parquet"
            if pq.read_metadata(path).num_rows != count:
                raise InputError("a table has lost rows", source=path)
    except (
        OSError,
        KeyError,
        msgspec.DecodeError,
        msgspec.ValidationError,
        pa.ArrowInvalid,
    ) as error:
        raise InputError(
            f"a stored cell cannot be read ({str(error) or type(error).__name__})",
            source=path,
            fix="run again with the same folder: the cell is then repeated",
        ) from None
    return result


def stored_cell(out: Path, key: str) -> CellResult | None:
    """Return a stored cell, or None if it is missing or damaged."""
    folder = cell_folder(out, key)
    if not folder.is_dir():
        return None
    try:
        return read_cell(folder)
    except InputError:
        return None


@contextlib.contextmanager
def sole_writer(out: Path) -> Iterator[None]:
    """Hold the folder for this process; the system releases it even after a kill.

    Raises
    ------
    InputError
        If another process is writing there.
    """
    try:
        import fcntl
    except ImportError:  # Windows: two runs into one folder are then the user's care
        yield
        return
    with (out / ".lock").open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                "another run is writing to this folder",
                source=out,
                fix="wait for it, or choose another folder",
            ) from None
        yield


@contextlib.contextmanager
def _moved_away(target: Path) -> Iterator[None]:
    """Move an old folder aside for the body, and remove it when that succeeded."""
    if not target.exists():
        yield
        return
    aside = target.with_name(f".{target.name}.{os.getpid()}.old")
    shutil.rmtree(aside, ignore_errors=True)
    target.rename(aside)
    yield
    shutil.rmtree(aside, ignore_errors=True)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _number(value: Any) -> Any:
    """Turn NumPy scalars into Python numbers for JSON."""
    return value.item() if hasattr(value, "item") else str(value)
