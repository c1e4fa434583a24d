"""How far each policy is from what no policy can beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedbench.bounds.bound import SLACK, holds_for
from schedbench.experiment.sentences import label
from schedbench.experiment.statistics import metric_of

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.experiment.store import Results

PLACE = ["scenario", "size", "policy", "metric"]
COUNTS = (
    "pods_total",
    "pods_bound",
    "unschedulable_attempts",
    "pods_evicted",
    "pods_preempted",
)
PHRASES = {
    "nodes_used": "uses {} more nodes than any policy must",
    "nodes_used_mean": "uses {} more nodes on average than any policy must",
    "pods_bound": "binds {} fewer pods than the bound",
    "pods_pending": "leaves {} more pods pending than any policy must",
    "unschedulable_attempts": "lets {} more pods wait than any policy must",
    "queue_wait_mean_s": "lets pods wait {} longer on average than any policy must",
    "makespan_s": "takes {} longer than any policy must",
}
LARGEST_RATIO = 10.0


def regret(results: Results) -> pd.DataFrame:
    """Return each finished cell's regret at each metric that has a bound.

    Only cells that the bound binds, see `Bound.valid_for`.

    Returns
    -------
    DataFrame
        scenario, size, policy, metric, seed, value, bound, `regret` (how much worse
        than the bound, in the metric's unit), `relative` (÷ |bound|; NaN if that is 0),
        method, status, gap, valid_for, ignores, time_limit. A negative regret is a
        policy's that does without a filter on which the bound relies.
    """
    import numpy as np
    import pandas as pd

    bounds = results.bounds
    best = bounds[bounds["tightest"]].drop(columns=["key", "tightest", "seconds"])
    cells = results.cells[results.cells["status"] == "done"]
    metrics = [name for name in dict.fromkeys(best["metric"]) if name in cells]
    columns = ["scenario", "size", "policy", "seed"]
    long = cells[[*columns, *metrics]].melt(
        columns, metrics, var_name="metric", value_name="cell"
    )
    on = ["scenario", "size", "seed", "metric"]
    found = long.merge(best, on=on, how="inner").rename(columns={"value": "bound"})
    found = found.rename(columns={"cell": "value"})
    found = found[found["value"].notna()]
    counts = _counts(cells, columns)
    rows: list[dict[Any, Any]] = found[[*columns, "valid_for"]].to_dict("records")
    holds = [
        holds_for(row["valid_for"], counts[tuple(row[name] for name in columns)])
        for row in rows
    ]
    found = found[np.array(holds, dtype=bool)].reset_index(drop=True)
    signs = {name: 1 if metric_of(name).better == "down" else -1 for name in metrics}
    sign = found["metric"].map(signs).astype(float)
    over = sign * (found["value"].astype(float) - found["bound"])
    near = over.abs() <= 2 * SLACK * found["bound"].abs().clip(lower=1.0)
    over = over.where(~near, 0.0)
    size = found["bound"].abs()
    relative = (over / size.where(size > 0)).astype(float)
    order = [*columns[:3], "metric", "seed", "value", "bound", "regret", "relative"]
    found = found.assign(regret=over, relative=relative)
    rest = [name for name in found if name not in order]
    return pd.DataFrame(found[[*order, *rest]])


def _counts(
    cells: pd.DataFrame, columns: list[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return each cell's counts of pods."""
    rows: list[dict[Any, Any]] = cells[[*columns, *COUNTS]].to_dict("records")
    return {tuple(row[name] for name in columns): row for row in rows}


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means over seeds, one row a scenario, size, policy and metric.

    Returns
    -------
    DataFrame
        scenario, size, policy, metric, `seeds` (of cells that the bound binds), value,
        bound, regret, relative, `least`, `most` (regret over seeds), and method,
        status, gap, valid_for, ignores, time_limit: the worst of the seeds', joined.
    """
    grouped = frame.groupby(PLACE, sort=False, observed=True)
    found = grouped.agg(
        seeds=("seed", "nunique"),
        value=("value", "mean"),
        bound=("bound", "mean"),
        regret=("regret", "mean"),
        least=("regret", "min"),
        most=("regret", "max"),
        method=("method", _joined),
        status=("status", _joined),
        gap=("gap", "max"),
        valid_for=("valid_for", _joined),
        ignores=("ignores", _joined),
        time_limit=("time_limit", "max"),
    ).reset_index()
    size = found["bound"].abs()
    relative = found["regret"] / size.where(size > 0)
    place = list(found).index("regret") + 1
    found.insert(place, "relative", relative.astype(float))
    return found


def sentence(row: Any) -> str:
    """Say how far a policy is from a bound, given a row of `summary`."""
    metric = str(row.metric)
    if row.regret < 0:
        return (
            f"{row.policy} is beyond the bound of {label(metric)}: it does without a "
            "filter on which the bound relies."
        )
    told = amount(row)
    if metric in PHRASES:
        text = f"{row.policy} {PHRASES[metric].format(told)}"
    else:
        text = f"{row.policy} is {told} from the bound of {label(metric)}"
    if row.regret == 0:
        text = f"{row.policy} reaches the bound of {label(metric)}"
    tail = "" if row.status == "optimal" else f" ({row.status})"
    return f"{text}{tail}."


def amount(row: Any) -> str:
    """Write a regret: in percent of the bound, in points, or in the metric's unit."""
    unit = metric_of(str(row.metric)).unit
    if unit == "fraction":
        return f"{100 * row.regret:.3g} percentage points"
    if row.relative <= LARGEST_RATIO:  # not so if it is NaN
        return f"{100 * row.relative:.3g} %"
    told = f"{row.regret:,.0f}" if abs(row.regret) >= 100 else f"{row.regret:.3g}"
    return f"{told} {unit}" if unit in {"s", "bytes"} else told


def documents(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame for JSON: NaN and infinity as null."""
    import math

    return [
        {
            str(name): None
            if isinstance(value, float) and not math.isfinite(value)
            else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def _joined(values: pd.Series) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values if value))
