"""Tables over the cells of a run: means, paired differences, ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schedbench.experiment.statistics.intervals import (
    Interval,
    interval,
    range_of,
    within,
)
from schedbench.experiment.statistics.judgement import (
    Correction,
    Difference,
    Evidence,
    changes,
    difference,
    weigh,
)

if TYPE_CHECKING:
    import pandas as pd

    from schedbench.metrics.metric import Metric

GROUP = ["scenario", "size", "policy"]

Family = Mapping[tuple[str, str, str, str], Evidence]
"""(scenario, size, policy, metric) → its test among all the others."""


def summarize(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean of a metric over seeds with its interval.

    Columns: scenario, size, policy, mean, low, high, n, method; rows in the order of
    the cells. Only cells that are done count. Intervals end where the metric's values
    do.
    """
    import pandas as pd

    ends = range_of(metric_of(metric))
    rows = [
        (*key, *within(interval(group[metric].to_numpy(dtype=np.float64)), *ends))
        for key, group in _done(cells).groupby(GROUP, sort=False)
    ]
    return pd.DataFrame(rows, columns=[*GROUP, *Interval._fields])


def paired_differences(
    cells: pd.DataFrame,
    metric: str,
    baseline: str,
    *,
    family: Family | None = None,
    margin: float = 0.0,
) -> pd.DataFrame:
    """Return policy − baseline, paired by seed, with interval, test and verdict.

    Columns: scenario, size, policy, those of `Interval`, those of `Difference`. The
    relative ones are fractions of the baseline's mean over the same seeds, taken as
    fixed; NaN where it is 0. One row a policy other than the baseline. Intervals end
    where the policy's mean would leave the metric's range: no difference is below
    −100 %.

    Parameters
    ----------
    family
        What `family_of` found, so that the verdicts hold together; None = each stands
        alone.
    margin
        Differences within this share of the baseline count as the same.
    """
    import pandas as pd

    about = metric_of(metric)
    rows: list[tuple[Any, ...]] = []
    for key, policy, base, mine in _comparisons(cells, metric, baseline):
        evidence = (family or {}).get((*key, policy, metric))
        found, meaning = difference(base, mine, about, evidence=evidence, margin=margin)
        rows.append((*key, policy, *found, *meaning))
    columns = [*GROUP, *Interval._fields, *Difference._fields]
    return pd.DataFrame(rows, columns=columns)


def family_of(
    cells: pd.DataFrame,
    metrics: Sequence[str],
    baseline: str,
    correction: Correction = "holm",
) -> Family:
    """Test all metrics, scenarios and policies at once, against the baseline."""
    return weigh(changes_of(cells, metrics, baseline), correction)


def changes_of(
    cells: pd.DataFrame, metrics: Sequence[str], baseline: str
) -> dict[tuple[str, str, str, str], NDArray[np.float64]]:
    """Return (scenario, size, policy, metric) → policy − baseline, seed by seed.

    Metrics without a direction are left out: nothing is claimed of them.
    """
    judged = [
        name for name in metrics if name in cells and metric_of(name).better != "none"
    ]
    return {
        (*key, policy, metric): changes(base, mine)
        for metric in judged
        for key, policy, base, mine in _comparisons(cells, metric, baseline)
    }


def ranks(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the policies' ranks within each scenario, 1 = best.

    Columns: scenario, size, policy, mean, rank, relative. Policies with equal means
    share the better rank. `relative` is mean ÷ the best mean; 1 for the best, NaN if
    the best is 0 and this one is not. A metric without direction has no ranks (NaN).
    """
    frame = summarize(cells, metric)[[*GROUP, "mean"]]
    direction = metric_of(metric).better
    if direction == "none":
        return frame.assign(rank=np.nan, relative=np.nan)
    groups = frame.groupby(GROUP[:2], sort=False)["mean"]
    best = groups.transform("max" if direction == "up" else "min")
    relative = (frame["mean"] / best.where(best != 0)).mask(frame["mean"] == best, 1.0)
    return frame.assign(
        rank=groups.rank(method="min", ascending=direction == "down"),
        relative=relative,
    )


def metric_of(name: str) -> Metric:
    """Return a metric of the table.

    Raises
    ------
    UnknownNameError
        If there is none of that name; suggests the nearest.
    """
    from schedbench.errors import UnknownNameError
    from schedbench.metrics.table import METRICS

    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return METRICS[name]


def _done(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.loc[cells["status"] == "done"]


def _comparisons(
    cells: pd.DataFrame, metric: str, baseline: str
) -> Iterator[tuple[tuple[str, str], str, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield (scenario, size), policy, the baseline's values, the policy's values."""
    for key, group in cells.groupby(GROUP[:2], sort=False):
        others = [each for each in group["policy"].unique() if each != baseline]
        done = group["status"].to_numpy() == "done"
        seeds, policies = group["seed"].to_numpy(), group["policy"].to_numpy()
        known = done & group[metric].notna().to_numpy()
        values = group[metric].to_numpy(dtype=np.float64)
        by_seed = {
            policy: dict(zip(seeds[here], values[here], strict=True))
            for policy in (baseline, *others)
            for here in [known & (policies == policy)]
        }
        base = by_seed[baseline]
        for policy in others:
            mine = by_seed[policy]
            both = sorted(base.keys() & mine.keys())
            place = (str(key[0]), str(key[1]))
            yield (
                place,
                policy,
                np.array([base[seed] for seed in both]),
                np.array([mine[seed] for seed in both]),
            )
