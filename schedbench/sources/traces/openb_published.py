"""The curves that the FGD paper's artifact published for its runs of the openb trace.

Source: `experiments/analysis/expected_results` of the simulator of "Beware of
Fragmentation" (Weng et al., USENIX ATC 2023), one row a workload, policy and seed; a
column a percent of the cluster's GPU capacity that arrived.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError

FOLDER = "expected"
FILES = {
    "allocation_pct": "alloc_pct_per_seed.csv.gz",
    "fragmentation_pct": "frag_pct_of_capacity_per_seed.csv.gz",
    "fragmentation_of_idle_pct": "frag_pct_of_idle_per_seed.csv.gz",
}
POLICIES = {
    "Random": "gpu-random",
    "DotProd": "gpu-dot-product",
    "GpuClustering": "gpu-clustering",
    "GpuPacking": "gpu-packing",
    "BestFit": "gpu-best-fit",
    "FGD": "fgd",
}
"""The paper's names of policies, and ours."""

Curves = dict[str, dict[str, NDArray[np.float64]]]


def published_files(data: Path) -> list[Path]:
    """Return the files with published curves that are there."""
    paths = (data / FOLDER / name for name in FILES.values())
    return [path for path in paths if path.is_file()]


def published_curves(data: Path, trace: str, seed: int) -> Curves:
    """Return what was published of a trace and seed: policy → curve → values.

    Raises
    ------
    InputError
        If a file is damaged or a value is no number.
    """
    found: Curves = {}
    for curve, name in FILES.items():
        path = data / FOLDER / name
        if path.is_file():
            for policy, values in _rows(path, trace, seed).items():
                found.setdefault(policy, {})[curve] = values
    return found


def _rows(path: Path, trace: str, seed: int) -> dict[str, NDArray[np.float64]]:
    found = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            if header[:3] != ["workload", "policy", "seed"]:
                raise InputError(
                    "not a table of published curves",
                    source=path,
                    where="row 1",
                    value=",".join(header[:4]),
                    fix="expected workload,policy,seed,0,1,…",
                )
            for number, row in enumerate(rows, start=2):
                if row[:1] == [trace] and row[2:3] == [str(seed)]:
                    policy = POLICIES.get(row[1], row[1])
                    found[policy] = _numbers(path, number, row, len(header))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"cannot be read ({error})",
            source=path,
            fix="mend the file, or remove it to see our curves alone",
        ) from None
    return found


def _numbers(
    path: Path, number: int, row: list[str], width: int
) -> NDArray[np.float64]:
    try:
        values = np.array([float(cell) for cell in row[3:]])
    except ValueError:
        values = np.array([np.nan])
    if len(row) != width or not np.isfinite(values).all():
        raise InputError(
            "a published curve is incomplete",
            source=path,
            where=f"row {number}",
            value=",".join(row[:4]),
            fix="mend the row, or remove the file to see our curves alone",
        )
    return values
