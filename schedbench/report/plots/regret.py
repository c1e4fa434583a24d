"""How much worse each policy is than a bound that no policy can beat.

The bar runs over the seeds, from the least to the most; 0 is the bound. A hollow marker
means that the bound does not apply to some seeds, in which the policy let pods wait or
pend. The table tells how each bound was found, and how far it is proven.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.table import METRICS
from schedbench.report import forest, lettering, regret, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "regret"
TITLE = "Distance to what no policy can beat"
NEEDS = "bounds that some run does not reach (--bounds)"
EACH_SCENARIO = True


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario, size, metric with a bound, and policy."""
    found = regret.table(results)
    if found.empty:
        return None
    parts = []
    for group in views.groups(results):
        here = views.of(found, group)
        seeds = views.of(views.done(results), group)["seed"].nunique()
        for metric in regret.shown(results, group, found):
            part = here[here["metric"] == metric]
            parts.append(part.assign(of_seeds=seeds))
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    place = list(frame).index("seeds") + 1
    frame.insert(place, "of_seeds", frame.pop("of_seeds"))
    return frame


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel a metric, a row a policy."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    metrics = list(dict.fromkeys(frame["metric"]))
    figure, axes = forest.panels(names, len(metrics), known)
    for axis, metric in zip(axes[0], metrics, strict=True):
        _distances(axis, frame[frame["metric"] == metric], metric, names, known)
    return figure


def _distances(
    axis: Axes,
    part: pd.DataFrame,
    metric: str,
    names: list[str],
    known: dict[str, style.Look],
) -> None:
    unit = views.unit(metric)
    in_percent = METRICS[metric].unit != "fraction" and bool((part["bound"] > 0).all())
    for row in part.to_dict("records"):
        factor = 100 / row["bound"] if in_percent else views.scale(metric)
        mean, low, high = (row[name] * factor for name in ("regret", "least", "most"))
        look = known[str(row["policy"])]
        whole = row["seeds"] == row["of_seeds"]
        at = names.index(str(row["policy"]))
        forest.mark(axis, (mean, at), (low, high), look, filled=whole)
    absent = [name for name in names if name not in set(part["policy"].astype(str))]
    for name in absent:
        axis.text(
            0.98, names.index(name), "does not apply",
            transform=axis.get_yaxis_transform(), fontsize=lettering.SMALL,
            color=style.MUTED, ha="right", va="center", gid=known[name].gid(),
            backgroundcolor=style.CARD,
        )  # fmt: skip
    forest.rows_about_zero(axis, len(names))
    axis.xaxis.set_major_formatter(lambda x, _: lettering.compact(x))
    axis.set_title(textwrap.fill(views.title(metric), 20), pad=14)
    axis.text(
        1, 1.01, "worse ▸", transform=axis.transAxes, ha="right", va="bottom",
        fontsize=lettering.SMALL, color=style.MUTED,
    )  # fmt: skip
    if in_percent:
        axis.set_xlabel("above the bound (%)" if METRICS[metric].better == "down"
                        else "below the bound (%)")  # fmt: skip
    else:
        axis.set_xlabel(f"from the bound ({'points' if unit == '%' else unit})")
