"""How long API calls take: percentiles of each verb and kind, and their SLO."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from schedbench.controlplane.requests import MUTATING
from schedbench.metrics.timelines import CALL_SLO, Slo

if TYPE_CHECKING:
    from schedbench.metrics.course import Course

SOURCE = "kubernetes/community, sig-scalability/slos/api_call_latency.md"
STEPS = {"p50_s": 0.50, "p90_s": 0.40, "p99_s": 0.09, "max_s": 0.01}
"""Column → share of the calls that took no longer, but longer than the one before."""
LEVELS = {"p50_s": 0.50, "p90_s": 0.90, "p99_s": 0.99, "max_s": 1.0}
COLUMNS = ["verb", "kind", "mutating", "count", *LEVELS]


def by_pair(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the percentiles of each verb and kind, whatever the answer's code.

    Where rows are put together, calls between two percentiles count as the slower
    one: the result is never too small, and exact where there is one row. Calls that
    do not end, as watches, are left out. Columns: verb, kind, mutating, count, p50_s,
    p90_s, p99_s, max_s.
    """
    rows = []
    calls = calls.dropna(subset=list(STEPS))
    for (verb, kind), part in calls.groupby(["verb", "kind"], observed=True):
        counts = part["count"].to_numpy(float)
        seconds = part[list(STEPS)].to_numpy(float)
        row = {"verb": verb, "kind": kind, "mutating": verb in MUTATING}
        rows.append({**row, "count": int(counts.sum()), **_merged(seconds, counts)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _merged(
    seconds: NDArray[np.float64], counts: NDArray[np.float64]
) -> dict[str, float]:
    weights = (counts[:, None] * np.array(list(STEPS.values()))).ravel()
    order = np.argsort(seconds, axis=None, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    at = np.searchsorted(reached, [level - 1e-9 for level in LEVELS.values()])
    return dict(zip(LEVELS, seconds.ravel()[order][at].tolist(), strict=True))


def calls_slo(calls: pd.DataFrame) -> Slo:
    """Return whether 99 % of the mutating calls of every kind and verb took ≤ 1 s.

    Source: kubernetes/community, sig-scalability/slos/api_call_latency.md.
    """
    pairs = by_pair(calls)
    changing = pairs[pairs["mutating"].astype(bool)]
    worst, value = "", math.nan
    if len(changing):
        row = changing.iloc[int(changing["p99_s"].to_numpy().argmax())]
        worst, value = f"{row['verb']} {row['kind']}", float(row["p99_s"])
    return Slo("mutating calls p99", value, CALL_SLO, worst, SOURCE)


def mutating_calls_p99(course: Course) -> float | None:
    """Return the 99th percentile of the slowest kind and verb of mutating calls."""
    value = calls_slo(course.calls).value
    return None if math.isnan(value) else value
