"""How far policies are from what no policy can beat, for sentences and plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from schedbench.experiment.regret import regret, sentence, summary
from schedbench.report import views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

MOST = 4


def table(results: Results) -> pd.DataFrame:
    """Return `regret.summary` of the run; without rows if it has no bounds."""
    if not len(results.bounds):
        return pd.DataFrame(columns=["scenario", "size", "policy", "metric"])
    return summary(regret(results))


def shown(results: Results, group: views.Group, found: pd.DataFrame) -> list[str]:
    """Return the metrics to tell of a group: the headline's, then others with regret.

    A bound that no policy binds, or that all reach, tells nothing.
    """
    here = views.of(found, group)
    telling = list(dict.fromkeys(here.loc[here["regret"] != 0, "metric"]))
    first = [name for name in views.headline(results, group) if name in telling]
    return [*first, *(name for name in telling if name not in first)][:MOST]


def sentences(results: Results, group: views.Group) -> list[str]:
    """Return, for each headline metric with a bound, the nearest and the furthest."""
    found = table(results)
    if found.empty:
        return []
    here = views.of(found, group)
    told = []
    for metric in views.headline(results, group):
        part = here[here["metric"] == metric].sort_values("regret", kind="stable")
        rows: list[Any] = views.rows(part)
        if rows:
            told.append(sentence(rows[0]))
        if len(rows) > 1 and rows[-1].regret > rows[0].regret:
            told.append(sentence(rows[-1]))
    return told
