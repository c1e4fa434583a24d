"""An imported trace as it lies on disk, and its pods and nodes as columns in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.sources.traces.target import (
    ABOUT,
    FORMAT,
    NODE_COLUMNS,
    NODES,
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

ALIKE = (
    "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_models", "priority",
    "class", "constraints", "resources",
)  # fmt: skip
"""What makes pods of one class; with `max_per_node`, `group` too."""


@dataclasses.dataclass(frozen=True, slots=True)
class Columns:
    """Rows of a table as arrays of one length.

    Attributes
    ----------
    numbers
        Name to int64[row] or float64[row]; null is −1 or NaN.
    codes
        Name to int32[row], indices into `words`.
    words
        Name to the different texts of a column.
    ids
        The texts of the first column, or None if they were not read.
    """

    numbers: Mapping[str, NDArray[Any]]
    codes: Mapping[str, NDArray[np.int32]]
    words: Mapping[str, Sequence[str]]
    ids: pa.Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.numbers.values())))

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.numbers[name] if name in self.numbers else self.codes[name]

    def text(self, name: str, row: int) -> str:
        """Return one cell of a column of texts."""
        return str(self.words[name][self.codes[name][row]])

    def take(self, rows: NDArray[np.int64]) -> Columns:
        """Return the rows of these indices, in their order."""
        return Columns(
            {name: column[rows] for name, column in self.numbers.items()},
            {name: column[rows] for name, column in self.codes.items()},
            self.words,
            None if self.ids is None else self.ids.take(rows),
        )

    def replaced(self, **numbers: NDArray[Any]) -> Columns:
        """Return the rows with some columns of numbers exchanged."""
        return dataclasses.replace(self, numbers={**self.numbers, **numbers})


def is_imported(path: Path) -> bool:
    """Tell whether a folder holds an imported trace."""
    return (path / ABOUT).is_file() and (path / PODS).is_file()


def read_about(path: Path) -> dict[str, Any]:
    """Return what an import says of itself.

    Raises
    ------
    InputError
        If the folder holds no import, or one of another format.
    """
    if not is_imported(path):
        raise InputError(
            f"no imported trace: {ABOUT} or {PODS} is missing",
            source=path,
            fix="import one: schedbench import NAME PATH --out DIR",
        )
    try:
        about: dict[str, Any] = msgspec.json.decode(
            (path / ABOUT).read_bytes(), type=dict[str, Any]
        )
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"not JSON ({error})", source=path / ABOUT) from None
    if about.get("format") != FORMAT:
        raise InputError(
            f"format {about.get('format')!r}, expected {FORMAT}",
            source=path / ABOUT,
            fix="import the trace anew",
        )
    return about


def read_columns(
    path: Path, *, pods: bool = True, but: Collection[str] = ()
) -> Columns:
    """Return all pods, or all nodes, of an imported trace.

    Parameters
    ----------
    but
        Columns that nobody asks for; one of texts is empty then.

    Raises
    ------
    InputError
        If the table is damaged, or has other columns than an import's.
    """
    import pyarrow as pa

    kinds, key = (POD_COLUMNS, "id") if pods else (NODE_COLUMNS, "name")
    wanted = {name: kind for name, kind in kinds.items() if name not in but}
    texts = [n for n, kind in wanted.items() if kind == TEXT and n != key]
    table = _read(path / (PODS if pods else NODES), kinds, texts, list(wanted))
    columns = _columns(table, wanted, texts, key)
    check = check_pods if pods else check_nodes
    check(dict(columns.numbers), f"{path / (PODS if pods else NODES)}", 1)
    ids = table.column(key).combine_chunks()
    if isinstance(ids, pa.ChunkedArray):
        ids = pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], "str")
    left_out = [name for name in but if kinds[name] == TEXT]
    none = np.zeros(len(ids), dtype=np.int32)
    return Columns(
        columns.numbers,
        {**columns.codes, **dict.fromkeys(left_out, none)},
        {**columns.words, **{name: [""] for name in left_out}},
        ids,
    )


def iterate_pods(path: Path, names: Sequence[str]) -> Iterator[Columns]:
    """Yield some columns of the pods, a row group at a time.

    Raises
    ------
    InputError
        If the table is damaged, or has other columns than an import's.
    """
    import pyarrow as pa

    kinds = {name: POD_COLUMNS[name] for name in names}
    texts = [name for name, kind in kinds.items() if kind == TEXT]
    with _opened(path / PODS, POD_COLUMNS) as file:
        for batch in file.iter_batches(columns=list(names)):
            yield _columns(pa.Table.from_batches([batch]), kinds, texts, "")


def _opened(path: Path, kinds: Mapping[str, str], texts: Sequence[str] = ()) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"not a Parquet file ({error})", source=path, fix="import the trace anew"
        ) from None
    wanted = arrow_schema(dict(kinds))
    for field in wanted:
        index = found.get_field_index(field.name)
        if index < 0 or found.field(index).type != field.type:
            raise InputError(
                f"column {field.name} is missing or not of type {field.type}",
                source=path,
                fix="import the trace anew",
            )
    for name in found.names:
        if name not in wanted.names:
            raise InputError(
                "unknown column", source=path, value=name, fix="import the trace anew"
            )
    return pq.ParquetFile(path, read_dictionary=list(texts))


def _read(
    path: Path, kinds: Mapping[str, str], texts: Sequence[str], names: Sequence[str]
) -> pa.Table:
    import pyarrow as pa

    with _opened(path, kinds, texts) as file:
        try:
            table = file.read(names)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"cannot be read ({error})", source=path) from None
    return table.unify_dictionaries()


def _columns(
    table: pa.Table, kinds: Mapping[str, str], texts: Sequence[str], key: str
) -> Columns:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers: dict[str, NDArray[Any]] = {}
    codes: dict[str, NDArray[np.int32]] = {}
    words: dict[str, Sequence[str]] = {}
    for name, kind in kinds.items():
        if name == key:
            continue
        column = table.column(name)
        if name not in texts:
            whole = kind == WHOLE
            filled = pc.fill_null(column, -1 if whole else float("nan"))
            dtype = np.int64 if whole else np.float64
            numbers[name] = np.array(filled, dtype=dtype)
            continue
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(column)
        joined = column.combine_chunks()
        if isinstance(joined, pa.ChunkedArray):
            joined = joined.chunk(0) if joined.num_chunks else pa.array(
                [], pa.dictionary(pa.int32(), pa.string())
            )  # fmt: skip
        codes[name] = np.array(joined.indices, dtype=np.int32)
        words[name] = joined.dictionary.to_pylist()
    return Columns(numbers, codes, words)
