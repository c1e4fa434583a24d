"""Results of a run as data frames, read from its folder and never recomputed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from schedbench.errors import InputError
from schedbench.experiment.cell import CellResult
from schedbench.experiment.folder import (
    cell_folder,
    read_cell,
    read_manifest,
    stored_cell,
    write_file,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

RESULTS = "results.parquet"

IDENTITY = {
    "key": "string",
    "scenario": "string",
    "size": "string",
    "nodes": "int64",
    "pods": "int64",
    "policy": "string",
    "seed": "int64",
    "engine": "string",
    "status": "string",
    "error": "string",
    "placement_digest": "string",
    "threshold_failures": "string",
    "notes": "string",
}
"""Columns of `results.parquet` before the metrics, with their Arrow types."""

BY = ("scenario", "size", "policy", "seed")


@dataclasses.dataclass(frozen=True)
class Results:
    """A run's results; the larger frames are read when first asked for.

    Attributes
    ----------
    path
        The run's folder; of merged runs, the first one's.
    manifest
        What was run, with what, where.
    cells
        One row a cell: identity, status, then one column a metric, NaN = no value.
        `nodes` and `pods` are null where the workload could not be built;
        `threshold_failures` and `notes` hold a line a sentence, null for none.
    """

    path: Path
    manifest: dict[str, Any]
    cells: pd.DataFrame
    parts: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    """Of merged runs: key → folder of the run that holds the cell."""

    @functools.cached_property
    def samples(self) -> pd.DataFrame:
        """Pods, nodes and allocation over simulated time, one row a sample."""
        return self._tables("samples", ["time"])

    @functools.cached_property
    def node_fill(self) -> pd.DataFrame:
        """Fill of the nodes over simulated time: time, node_bin, fill (0..1)."""
        return self._tables("node_fill", ["time", "node_bin", "fill"])

    @functools.cached_property
    def rejections(self) -> pd.DataFrame:
        """Nodes rejected, by plugin and reason."""
        return self._tables("rejections", ["plugin", "reason", "nodes"])

    @functools.cached_property
    def curves(self) -> pd.DataFrame:
        """Curves over arrived GPU request: curve, arrived_pct, ours, published."""
        return self._tables("curves", ["curve", "arrived_pct", "ours", "published"])

    @functools.cached_property
    def timelines(self) -> pd.DataFrame:
        """When each pod made each hop, of cells that were played end to end."""
        return self._tables("timelines", ["uid"])

    @functools.cached_property
    def calls(self) -> pd.DataFrame:
        """API calls end to end: verb, kind, code, count, p50_s, p90_s, p99_s, max_s."""
        return self._tables("calls", ["verb", "kind", "code", "count"])

    @functools.cached_property
    def load(self) -> pd.DataFrame:
        """Rates and queues of the control plane over simulated time, end to end."""
        return self._tables("load", ["time"])

    @functools.cached_property
    def faults(self) -> pd.DataFrame:
        """Beginnings and ends of faults, end to end."""
        return self._tables("faults", ["time", "fault", "kind", "what"])

    @functools.cached_property
    def bounds(self) -> pd.DataFrame:
        """What no policy can beat, of a run with `--bounds`: `experiment/bounds.py`."""
        import pandas as pd

        from schedbench.experiment.bounds import read_bounds

        folders = dict.fromkeys([self.path, *self.parts.values()])
        place = ["key", "metric", "method"]
        return pd.concat(map(read_bounds, folders)).drop_duplicates(place)

    def placements(self, key: str) -> pd.DataFrame:
        """Return the event log of one cell: time, kind, pod, node, devices."""
        frame: pd.DataFrame = self._table(key, "placements").to_pandas()
        return frame

    @property
    def baseline(self) -> str:
        """The policy that the others are compared with."""
        return str(self.manifest.get("baseline", ""))

    def _tables(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        import pandas as pd
        import pyarrow as pa

        parts = []
        for row in self.cells.loc[self.cells["status"] == "done"].itertuples():
            if not self._path(str(row.key), name).exists():
                continue
            table = self._table(str(row.key), name)
            for place, column in enumerate(BY):
                values = pa.repeat(getattr(row, column), table.num_rows)
                table = table.add_column(place, column, values)
            parts.append(table)
        if not parts:
            return pd.DataFrame({column: [] for column in (*BY, *columns)})
        frame: pd.DataFrame = pa.concat_tables(
            parts, promote_options="permissive"
        ).to_pandas()
        return frame

    def _table(self, key: str, name: str) -> pa.Table:
        return _read_table(self._path(key, name))

    def _path(self, key: str, name: str) -> Path:
        path = self.parts.get(key, self.path)
        return cell_folder(path, key) / f"{name}.parquet"


def collect(out: Path) -> list[CellResult]:
    """Write `results.parquet` from the cells that exist, and return them.

    A planned cell that was never finished has the status `interrupted`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    manifest = read_manifest(out)
    results = []
    for planned in manifest["cells"]:
        stored = stored_cell(out, planned["key"])
        results.append(stored or CellResult(**planned, status="interrupted"))
    columns: dict[str, pa.Array] = {
        name: pa.array([_identity(result, name) for result in results], kind)
        for name, kind in IDENTITY.items()
    }
    values = [{**result.metrics, **result.wall_clock} for result in results]
    stages = [
        {f"{name}_stage_seconds": seconds for name, seconds in result.stages.items()}
        for result in results
    ]
    rows = [{**one, **two} for one, two in zip(values, stages, strict=True)]
    for name in dict.fromkeys(
        [*_metric_names(), *(key for row in rows for key in row)]
    ):
        numbers = [_float(row.get(name)) for row in rows]
        columns[name] = pa.array(numbers, pa.float64())
    metadata = {"schedbench": msgspec.json.encode(manifest)}
    table = pa.table(columns).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_file(out / RESULTS, sink.getvalue().to_pybytes())
    return results


def load_results(path: Path) -> Results:
    """Read a run's folder; the manifest may belong to a run still going on.

    Raises
    ------
    InputError
        If the folder is no run, or one of its files is missing or damaged.
    """
    path = Path(path)
    manifest = read_manifest(path)
    if not _is_current(path):
        collect(path)
    table = _read_table(path / RESULTS)
    cells = table.to_pandas()
    for key in cells.loc[cells["status"] == "done", "key"]:
        read_cell(cell_folder(path, key))
    return Results(path, manifest, _with_null_integers(cells))


def _is_current(out: Path) -> bool:
    """Tell whether `results.parquet` is younger than the last cell written."""
    results, cells = out / RESULTS, out / "cells"
    if not results.exists():
        return False
    return not cells.exists() or cells.stat().st_mtime_ns <= results.stat().st_mtime_ns


def _read_table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"a stored table cannot be read ({str(error).splitlines()[0]})",
            source=path,
            fix="run again with the same folder",
        ) from None


def _with_null_integers(cells: pd.DataFrame) -> pd.DataFrame:
    """Keep counts whole numbers where some cells have none."""
    return cells.astype(
        {name: "Int64" for name in ("nodes", "pods") if cells[name].isna().any()}
    )


def _identity(result: CellResult, name: str) -> Any:
    value = getattr(result, name)
    return ("\n".join(value) or None) if isinstance(value, list) else value


def _metric_names() -> list[str]:
    from schedbench.metrics.table import METRICS

    return list(METRICS)


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
