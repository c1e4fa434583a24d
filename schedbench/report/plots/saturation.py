"""Pods that get ready a second against those offered, size by size of a scenario.

Each point is the mean over seeds of one size; on the diagonal all that is offered is
achieved. Hollow points are saturated: less than 95 % is. Rates are from the first pod
to the last, in simulated time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics import timelines
from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "saturation"
TITLE = "Saturation: offered and achieved rate"
SECTION = "end_to_end"
NEEDS = "a scenario that is played end to end at two rates or more"
COLUMNS = 3
MOST = 12


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario of two rates or more, size and policy.

    Columns: scenario, size, policy, offered, achieved (pods/s, means over seeds),
    saturated.
    """
    hops = results.timelines
    if hops.empty:
        return None
    rows = []
    for group in views.groups(results):
        here = views.of(hops, group)
        for policy, runs in here.groupby("policy", observed=True, sort=False):
            by_seed = {str(seed): run for seed, run in runs.groupby("seed")}
            found = timelines.saturation(by_seed)
            offered, achieved = found["offered"].mean(), found["achieved"].mean()
            if not 0 < offered < math.inf or not 0 < achieved < math.inf:
                continue
            rows.append({
                "scenario": group.scenario, "size": group.size, "policy": policy,
                "offered": offered, "achieved": achieved,
                "saturated": bool(found["saturated"].mean() > 0.5),
            })  # fmt: skip
    frame = pd.DataFrame(rows)
    if frame.empty:
        return None
    several = frame.groupby("scenario")["size"].transform("nunique") > 1
    return frame[several] if several.any() else None


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel a scenario, a course a policy."""
    known = style.looks(frame["policy"])
    shown = style.present(frame["scenario"])[:MOST]
    figure, axes = style.panels(
        -(-len(shown) // COLUMNS), COLUMNS, height=2.6, gap=(0.75, 0.85),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, scenario in zip(axes.flat, shown, strict=False):
        _panel(axis, frame[frame["scenario"] == scenario], known)
        axis.set_title(lettering.short(scenario, 40))
    style.unused(axes.flat[len(shown) :])
    return figure


def _panel(axis: Axes, part: pd.DataFrame, known: dict[str, style.Look]) -> None:
    rates = part[["offered", "achieved"]].to_numpy()
    ends = np.array([rates.min() / 1.5, rates.max() * 1.5])
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.plot(ends, ends, color=style.MUTED, linewidth=1.0, linestyle=(0, (4, 2)))
    axis.annotate(
        "all that is offered", (ends[1], ends[1]), xytext=(-14, -2),
        textcoords="offset points", ha="right", va="top", color=style.MUTED,
        fontsize=lettering.SMALL,
    )  # fmt: skip
    for name in style.present(part["policy"]):
        course = part[part["policy"] == name].sort_values("offered")
        look = known[name]
        axis.plot(course["offered"], course["achieved"], **look.line())
        full = course[course["saturated"]]
        hollow = look.line() | {"linestyle": "none", "markerfacecolor": style.CARD}
        axis.plot(full["offered"], full["achieved"], **hollow)
    axis.set_xlim(*ends)
    axis.set_ylim(*ends)
    for each in (axis.xaxis, axis.yaxis):
        lettering.log_ticks(each, *ends)
    axis.set_xlabel("Offered: pods applied a second")
    axis.set_ylabel("Achieved: pods ready a second")
