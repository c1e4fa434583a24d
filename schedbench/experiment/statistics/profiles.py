"""How policies stand over many scenarios: performance profiles, how often which rank.

A problem is one scenario at one size from one seed, a solver is a policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schedbench.errors import InputError
from schedbench.experiment.statistics.frames import metric_of

if TYPE_CHECKING:
    import pandas as pd

PROBLEM = ["scenario", "size", "seed"]


def performance_profiles(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return on which share of the problems a policy is within a ratio of the best.

    Columns: policy, ratio, share; a row where the share steps up, `share` holds from
    `ratio` on. The ratio is the policy's value ÷ the best one if less is better, the
    best ÷ the policy's if more is; the best has 1. Where the best is 0 all others are
    infinitely far, and so is a policy that has no value there: its profile ends below
    1. Problems on which no policy has a value are left out.

    Source: Dolan and More 2002, Mathematical Programming 91(2).

    Raises
    ------
    InputError
        If the metric has no direction, or a value is negative or infinite.
    """
    import pandas as pd

    ratios = _ratios(cells, metric)
    rows = []
    for policy in ratios.columns:
        found, counts = np.unique(ratios[policy].to_numpy(), return_counts=True)
        shares = np.cumsum(counts) / len(ratios)
        rows += [
            (policy, float(ratio), float(share))
            for ratio, share in zip(found, shares, strict=True)
            if np.isfinite(ratio)
        ]
    return pd.DataFrame(rows, columns=["policy", "ratio", "share"])


def rank_distribution(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return how often a policy has each rank, over all problems; 1 = best.

    Columns: policy, rank, problems, share, mean_rank. Equal values share the better
    rank, a policy without a value has the last. `mean_rank` gives ties their mean rank
    instead, so that the means of all policies always have the same sum.

    Raises
    ------
    InputError
        If the metric has no direction, or a value is negative or infinite.
    """
    import pandas as pd

    ratios = _ratios(cells, metric)
    ranks = ratios.rank(axis=1, method="min").astype(int)
    means = ratios.rank(axis=1, method="average").mean()
    rows = [
        (policy, rank, int(count), count / len(ratios), float(means[policy]))
        for policy in ratios.columns
        for rank, count in ranks[policy].value_counts().sort_index().items()
    ]
    columns = ["policy", "rank", "problems", "share", "mean_rank"]
    return pd.DataFrame(rows, columns=columns)


def _ratios(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return float[problem, policy]: how many times worse than the best, ≥ 1."""
    import pandas as pd

    direction = metric_of(metric).better
    if direction == "none":
        raise InputError(
            "this metric is neither better up nor down: it has no best", value=metric
        )
    policies = list(dict.fromkeys(cells["policy"]))
    done = cells.loc[cells["status"] == "done"]
    values = done.pivot_table(
        index=PROBLEM, columns="policy", values=metric, dropna=False, sort=False
    )
    values = values.reindex(columns=policies).dropna(how="all")
    array = values.to_numpy(dtype=np.float64)
    if np.isinf(array).any() or (array < 0).any():
        raise InputError("a value is negative or infinite", where=metric)
    if not len(array):
        return values
    best = np.nanmin(array, axis=1) if direction == "down" else np.nanmax(array, axis=1)
    top, bottom = (
        (array, best[:, None]) if direction == "down" else (best[:, None], array)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = top / bottom
    ratios[array == best[:, None]] = 1.0
    ratios[np.isnan(ratios)] = np.inf
    return pd.DataFrame(ratios, values.index, values.columns)
