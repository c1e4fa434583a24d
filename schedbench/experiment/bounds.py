"""The bounds of a run's workloads, stored beside its cells as `bounds.parquet`.

They depend on the scenario and the seed alone, so they are computed once for all
policies, and kept as long as scenario, seed, time limit and code stay the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedbench.errors import InputError
from schedbench.experiment.cell import SCHEMA_VERSION, ScenarioRef
from schedbench.experiment.fingerprint import code_digest
from schedbench.experiment.folder import write_file

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.grid import Grid

BOUNDS = "bounds.parquet"
LIMIT = 10.0
"""Seconds that each call of a solver is given unless told otherwise."""

PLACE = {"key": "str", "scenario": "str", "size": "str", "seed": "int64"}
COLUMNS = PLACE | {
    "metric": "str",
    "value": "float64",
    "method": "str",
    "status": "str",
    "gap": "float64",
    "valid_for": "str",
    "ignores": "str",
    "seconds": "float64",
    "time_limit": "float64",
    "tightest": "bool",
}
"""Columns of `bounds.parquet`: where, then those of a `Bound`, then whether it is the
best one of its metric."""


def write_bounds(
    grid: Grid,
    out: Path,
    limit: float = LIMIT,
    say: Callable[[str], object] | None = None,
) -> pd.DataFrame:
    """Compute the bounds of each scenario and seed that `out` does not hold yet.

    Parameters
    ----------
    limit
        Seconds that each call of a solver is given.
    say
        Called with a sentence where a scenario has no bounds.

    Returns
    -------
    DataFrame
        The columns of `COLUMNS`, as stored.
    """
    import pandas as pd

    known = read_bounds(out)
    parts = []
    for scenario in grid.scenarios:
        reason = _unbounded(scenario)
        if reason:
            if say is not None:
                say(f"no bounds of {scenario.name}: {reason}")
            continue
        for seed in grid.seeds:
            key = _key(scenario, seed, limit)
            stored = known[known["key"] == key]
            parts.append(
                stored if len(stored) else _computed(scenario, seed, key, limit)
            )
    frame = _typed(pd.concat(parts, ignore_index=True) if parts else known[:0])
    write_file(out / BOUNDS, frame.to_parquet(index=False))
    return frame


def read_bounds(out: Path) -> pd.DataFrame:
    """Return the stored bounds of a run, without rows if it has none.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    import pandas as pd
    import pyarrow as pa

    path = out / BOUNDS
    if not path.exists():
        return _typed(pd.DataFrame({name: [] for name in COLUMNS}))
    try:
        return _typed(pd.read_parquet(path)[list(COLUMNS)])
    except (OSError, KeyError, ValueError, pa.ArrowInvalid) as error:
        raise InputError(
            f"the stored bounds cannot be read ({str(error).splitlines()[0]})",
            source=path,
            fix="remove the file and run again with --bounds",
        ) from None


def _computed(scenario: ScenarioRef, seed: int, key: str, limit: float) -> pd.DataFrame:
    """Return the bounds of one workload as rows; none if it cannot be built."""
    import pandas as pd

    from schedbench.bounds.table import bounds_of, tightest
    from schedbench.experiment.prepared import prepare

    try:
        found = bounds_of(prepare(scenario, seed).encoded, limit)
    except InputError:  # its cells say why
        found = []
    best = set(map(id, tightest(found).values()))
    place = {"key": key, "scenario": scenario.name, "size": scenario.size, "seed": seed}
    rows: list[dict[str, Any]] = [
        place | dataclasses.asdict(each) | {"tightest": id(each) in best}
        for each in found
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(COLUMNS)


def _unbounded(scenario: ScenarioRef) -> str:
    """Say why a scenario has no bounds, empty if it has."""
    if scenario.end_to_end is not None:
        return "a whole cluster is played, whose controllers make the pods"
    needs = getattr(scenario, "needs", ())
    return f"it needs {', '.join(needs)}" if needs else ""


def _key(scenario: ScenarioRef, seed: int, limit: float) -> str:
    parts = f"bounds {SCHEMA_VERSION}", scenario.digest(), seed, limit, code_digest()
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
