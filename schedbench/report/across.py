"""The problems that policies are compared on across scenarios, metric by metric."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from schedbench.metrics.table import METRICS
from schedbench.report import views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

MOST = 3


def problems(results: Results) -> dict[str, pd.DataFrame]:
    """Return metric → the cells of the scenarios and sizes that it is a headline of.

    The metrics of most scenarios and sizes, two at least; without direction, or with a
    negative or infinite value, there is no ratio to the best. Empty with one policy.
    """
    if results.cells["policy"].nunique() < 2:
        return {}
    where: dict[str, list[views.Group]] = {}
    for group in views.groups(results):
        for metric in views.headline(results, group):
            where.setdefault(metric, []).append(group)
    counts = Counter({metric: len(groups) for metric, groups in where.items()})
    found = {}
    for metric, count in counts.most_common():
        cells = pd.concat([views.of(results.cells, each) for each in where[metric]])
        values = cells[metric].dropna().to_numpy(dtype=np.float64)
        plain = bool(np.isfinite(values).all() and (values >= 0).all())
        if count > 1 and plain and METRICS[metric].better != "none":
            found[metric] = cells
    return dict(list(found.items())[:MOST])


def count(cells: pd.DataFrame, metric: str) -> int:
    """Return on how many scenarios, sizes and seeds some policy has a value."""
    known = cells[(cells["status"] == "done") & cells[metric].notna()]
    return len(known[["scenario", "size", "seed"]].drop_duplicates())
