"""Small traces in their real formats, imported and read back for tests."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from schedbench.sources.traces.importer import run_importer
from schedbench.sources.traces.registry import load_importer


class Imported(NamedTuple):
    """An import read back: plain rows, and what it says of itself."""

    folder: Path
    about: dict[str, Any]
    nodes: list[dict[str, Any]]
    pods: list[dict[str, Any]]

    def counts(self, kind: str, table: str) -> dict[str, int]:
        """Return reason → rows of one kind (dropped, repaired, skipped)."""
        found = self.about["tables"][table][kind]
        return {reason: each["rows"] for reason, each in found.items()}

    def pod(self, name: str) -> dict[str, Any]:
        """Return a pod by its id."""
        (found,) = [pod for pod in self.pods if pod["id"] == name]
        return found


def import_trace(
    name: str, paths: list[Path] | Path, out: Path, *, strict: bool = False, **settings
) -> Imported:
    """Import a trace and read the folder back."""
    given = [paths] if isinstance(paths, Path) else paths
    run_importer(name, load_importer(name), given, out, settings, strict=strict)
    return Imported(
        out,
        json.loads((out / "import.json").read_text()),
        pq.read_table(out / "nodes.parquet").to_pylist(),
        pq.read_table(out / "pods.parquet").to_pylist(),
    )


def write(folder: Path, **files: list[str]) -> Path:
    """Write `table_csv=[lines]` as files of a folder; `_gz` packs them."""
    for name, lines in files.items():
        stem, _, suffix = name.rpartition("__")
        path = folder / f"{stem}.{suffix.replace('_', '.')}"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return folder
