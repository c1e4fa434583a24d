"""Each policy minus the baseline in the same seeds, with 95 % intervals.

A hollow marker means no clear difference. The table has each test's p, corrected for
the number of comparisons, and two effect sizes: dz, the mean difference in standard
deviations of the differences, and the share of seeds in which the policy is better.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.experiment.sentences import scale_of
from schedbench.metrics.table import METRICS
from schedbench.report import comparison, forest, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "differences"
NEEDS = "two policies or more"
TITLE = "Paired differences against the baseline"
EACH_SCENARIO = True


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario, size, headline metric and policy."""
    compared = comparison.of(results)
    parts = []
    for group in views.groups(results):
        for metric in views.headline(results, group):
            found = compared.differences(metric, group)
            parts.append(found[found["mean"].notna()].assign(metric=metric))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return None if frame.empty else frame


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what a reader needs of each difference: size, certainty, effect."""
    scales = frame["metric"].map(views.scale).astype(float)
    way = frame["metric"].map(lambda name: METRICS[name].better)
    higher = frame["superiority"]
    better = higher.where(way == "up", (1 - higher).where(way == "down"))
    return pd.DataFrame(
        {
            "policy": frame["policy"],
            "metric": frame["metric"].map(views.axis),
            "verdict": frame["verdict"],
            "difference": frame["mean"] * scales,
            "low": frame["low"] * scales,
            "high": frame["high"] * scales,
            "relative %": frame["relative_mean"] * 100,
            "p corrected": frame["p_adjusted"],
            "test": frame["test"],
            "dz": frame["dz"],
            "seeds better %": better * 100,
        }
    )


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a forest plot: a panel a metric, a row a policy."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    metrics = list(dict.fromkeys(frame["metric"]))
    figure, axes = forest.panels(names, len(metrics), known)
    for axis, metric in zip(axes[0], metrics, strict=True):
        _forest(axis, frame[frame["metric"] == metric], metric, names, known)
    return figure


def _forest(
    axis: Axes,
    part: pd.DataFrame,
    metric: str,
    names: list[str],
    known: dict[str, style.Look],
) -> None:
    told = scale_of(metric, list(part["relative_mean"]))
    columns = [told.prefix + column for column in ("mean", "low", "high")]
    for row in part.to_dict("records"):
        mean, low, high = (row[column] * told.factor for column in columns)
        look = known[str(row["policy"])]
        at = names.index(str(row["policy"]))
        clear = row["verdict"] in {"better", "worse"}
        forest.mark(axis, (mean, at), (low, high), look, filled=clear)
    forest.rows_about_zero(axis, len(names))
    axis.xaxis.set_major_formatter(
        lambda x, _: ("+" if x > 0 else "") + lettering.compact(x)
    )
    axis.set_title(
        textwrap.fill(
            f"{views.title(metric)}\N{NO-BREAK SPACE}{views.arrow(metric)}", 20
        ),
        pad=14,
    )
    better = METRICS[metric].better
    sides = {"up": ("worse", "better"), "down": ("better", "worse")}.get(better)
    if sides:
        left, right = f"◂ {sides[0]}", f"{sides[1]} ▸"
        put: dict[str, Any] = {
            "transform": axis.transAxes,
            "fontsize": lettering.SMALL,
            "va": "bottom",
        }
        axis.text(0, 1.01, left, ha="left", color=style.MUTED, **put)
        axis.text(1, 1.01, right, ha="right", color=style.MUTED, **put)
    what = told.unit.strip() or views.unit(metric)
    axis.set_xlabel(f"difference ({what})" if what else "difference")
