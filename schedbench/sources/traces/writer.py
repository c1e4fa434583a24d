"""Writing of an imported trace: row groups as they come, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np

from schedbench.errors import InputError
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.target import (
    ABOUT,
    FORMAT,
    NODE_COLUMNS,
    NODES,
    OPTIONAL,
    POD_COLUMNS,
    PODS,
    TEXT,
    WHOLE,
    arrow_schema,
    check_nodes,
    check_pods,
)

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 131_072
"""Pods in a row group; some 15 MB while it is written."""

Columns = Mapping[str, Any]

POD_DEFAULTS: dict[str, Any] = {
    "group": "", "start": np.nan, "end": np.nan, "duration": np.nan, "censored": "",
    "cpu_milli": 0, "memory_mib": -1, "num_gpu": 0, "gpu_milli": 0, "gpu_models": "",
    "priority": 0, "class": "", "user": "", "queue": "", "constraints": "",
    "resources": "", "gang_size": 1, "max_per_node": -1, "estimate": np.nan,
}  # fmt: skip
NODE_DEFAULTS: dict[str, Any] = {
    "time_add": 0.0, "time_remove": np.nan, "memory_mib": -1, "gpus": 0,
    "gpu_model": "", "labels": "", "resources": "",
}  # fmt: skip


class TraceWriter:
    """A folder under construction; it appears when the block ends without an error.

    Columns may be arrays, lists, or one value for all rows; NaN, and −1 where the form
    allows null, stand for null.

    Parameters
    ----------
    out
        The folder; it must not be there yet, or hold an earlier import.
    ledger
        Counts that go into `import.json`.
    """

    def __init__(self, out: Path, ledger: Ledger) -> None:
        self.out = out
        self.ledger = ledger
        self.counts = {"nodes": 0, "pods": 0}
        self.about: dict[str, Any] = {}
        self._writers: dict[str, Any] = {}
        self._held: dict[str, list[pa.Table]] = {"nodes": [], "pods": []}
        self._folder = Path()
        self._gone: dict[str, float] = {}

    def __enter__(self) -> Self:
        _check_out(self.out)
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(
                tempfile.mkdtemp(prefix=f".{self.out.name}.", dir=self.out.parent)
            )
        except OSError as error:
            raise InputError(
                f"cannot be written ({error.strerror})", source=self.out
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if kind is None:
            for table in ("nodes", "pods"):
                self._flush(table)
        for writer in self._writers.values():
            writer.close()
        if kind is None:
            self._finish()
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """A folder for temporary files, gone at the end."""
        return self._folder

    def nodes(self, columns: Columns) -> None:
        """Add nodes; `name` and `cpu_milli` are needed."""
        arrays = _arrays(columns, NODE_COLUMNS, NODE_DEFAULTS, "name")
        check_nodes(arrays, "nodes", self.counts["nodes"] + 1)
        self._check_stays(arrays)
        self._add("nodes", arrays)

    def _check_stays(self, arrays: dict[str, Any]) -> None:
        """Refuse a node that is there twice at a time; its stays come in order."""
        stays = zip(
            arrays["name"].to_pylist(), arrays["time_add"].tolist(),
            arrays["time_remove"].tolist(), strict=True,
        )  # fmt: skip
        for name, added, removed in stays:
            if not name or not added >= self._gone.get(name, -np.inf):
                raise InputError(
                    "the node is there twice" if name else "a node without a name",
                    source="nodes",
                    where="column name",
                    value=name,
                    fix="name each node once",
                )
            self._gone[name] = np.inf if np.isnan(removed) else removed

    def pods(self, columns: Columns) -> None:
        """Add pods; `id` and `submit` are needed."""
        arrays = _arrays(columns, POD_COLUMNS, POD_DEFAULTS, "id")
        check_pods(arrays, "pods", self.counts["pods"] + 1)
        self._add("pods", arrays)

    def repeated(self, columns: Columns, times: np.ndarray) -> None:
        """Add `times` pods for each row, with `-0`, `-1`, … behind its `id`."""
        arrays = _arrays(columns, POD_COLUMNS, POD_DEFAULTS, "id")
        for rows, number in spread(times):
            piece = {
                name: column.take(rows) if not isinstance(column, np.ndarray)
                else column[rows]
                for name, column in arrays.items()
            }  # fmt: skip
            piece["id"] = numbered(piece["id"], number)
            self.pods(piece)

    def _add(self, table: str, arrays: dict[str, Any]) -> None:
        import pyarrow as pa

        schema = arrow_schema(NODE_COLUMNS if table == "nodes" else POD_COLUMNS)
        made = pa.table(
            [_nullable(arrays[field.name], field) for field in schema], schema=schema
        )
        self.counts[table] += len(made)
        self._held[table].append(made)
        if sum(map(len, self._held[table])) >= ROW_GROUP:
            self._flush(table)

    def _flush(self, table: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns, name = (
            (NODE_COLUMNS, NODES) if table == "nodes" else (POD_COLUMNS, PODS)
        )
        if table not in self._writers:
            self._writers[table] = pq.ParquetWriter(
                self._folder / name,
                arrow_schema(columns),
                compression="zstd",
                use_dictionary=[n for n in columns if n not in {"id", "name"}],
            )
        if self._held[table]:
            whole = pa.concat_tables(self._held[table])
            self._writers[table].write_table(whole, row_group_size=ROW_GROUP)
            self._held[table] = []

    def _finish(self) -> None:
        about = {
            "format": FORMAT,
            **self.about,
            "nodes": self.counts["nodes"],
            "pods": self.counts["pods"],
            "tables": self.ledger.document(),
            "notes": self.ledger.notes,
        }
        text = msgspec.json.format(msgspec.json.encode(about), indent=2)
        (self._folder / ABOUT).write_bytes(text + b"\n")
        for each in self._folder.iterdir():
            if each.name not in {NODES, PODS, ABOUT}:
                each.unlink()
        self._folder.chmod(0o755)
        if self.out.exists():
            shutil.rmtree(self.out)
        self._folder.replace(self.out)


def spread(times: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows, each as often as said, and the number of each copy, in pieces."""
    ends = np.cumsum(times)
    total = int(ends[-1]) if len(ends) else 0
    for start in range(0, total, ROW_GROUP):
        position = np.arange(start, min(start + ROW_GROUP, total))
        rows = np.searchsorted(ends, position, side="right")
        yield rows, position - (ends[rows] - times[rows])


def numbered(names: pa.Array, numbers: np.ndarray) -> pa.Array:
    """Return `name-number` for each row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(
        names, pc.cast(pa.array(numbers), pa.string()), "-"
    )


def _arrays(
    columns: Columns, kinds: dict[str, str], defaults: dict[str, Any], key: str
) -> dict[str, Any]:
    """Return all columns: NumPy arrays of numbers, Arrow arrays of texts."""
    import pyarrow as pa

    count = len(columns[key])
    arrays: dict[str, Any] = {}
    for name, kind in kinds.items():
        given = columns.get(name, defaults.get(name))
        if kind == TEXT:
            if isinstance(given, str):
                given = pa.repeat(given, count)
            arrays[name] = (
                given if isinstance(given, pa.Array) else pa.array(given, pa.string())
            )
        else:
            dtype = np.int64 if kind == WHOLE else np.float64
            array = np.asarray(given, dtype=dtype)
            arrays[name] = np.full(count, array) if array.ndim == 0 else array
    return arrays


def _nullable(array: Any, field: Any) -> Any:
    import pyarrow as pa

    if not isinstance(array, np.ndarray):
        return array
    if field.name not in OPTIONAL:
        return pa.array(array, field.type)
    null = np.isnan(array) if array.dtype.kind == "f" else array == -1
    return pa.array(array, field.type, mask=null)


def _check_out(out: Path) -> None:
    if not out.exists():
        return
    inside: Sequence[Path] = list(out.iterdir()) if out.is_dir() else [out]
    if any(each.name not in {NODES, PODS, ABOUT} for each in inside):
        raise InputError(
            "there already, and not an earlier import",
            source=out,
            fix="name a folder that is not there",
        )
