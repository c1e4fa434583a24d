"""How the time of one decision on this machine grows with the cluster.

Geometric means over seeds with 95 % intervals. Both axes are logarithmic: the slope
is the exponent given beside the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "scaling"
NEEDS = "measured speeds of a scenario at two sizes or more"
TITLE = "Cost of a decision against cluster size"
WALL_CLOCK = ("mean", "low", "high", "exponent")
COLUMNS = 2


def data(results: Results) -> pd.DataFrame | None:
    """Return microseconds a decision for each scenario of two sizes or more."""
    cells = views.done(results)
    if views.SPEED not in cells or cells[views.SPEED].isna().all():
        return None
    rows = [
        (group.scenario, group.size, group.nodes, policy, *_time(part[views.SPEED]))
        for group in views.groups(results)
        for policy, part in views.of(cells, group).groupby("policy", sort=False)
    ]
    columns = ["scenario", "size", "nodes", "policy", *WALL_CLOCK[:3]]
    frame = pd.DataFrame(rows, columns=columns).dropna(subset="mean")
    parts = [
        part.sort_values("nodes").assign(exponent=_exponent(part))
        for _, part in frame.groupby(["scenario", "policy"], sort=False)
        if len(set(part["nodes"])) > 1
    ]
    if not parts:
        return None
    return pd.concat(parts, ignore_index=True)


def _time(speeds: pd.Series) -> tuple[float, float, float]:
    """Return the geometric mean of µs a decision, with its interval.

    Of logarithms, as a time has no negative end.
    """
    from schedbench.experiment.statistics import interval

    found = interval(np.log(1e6 / speeds.to_numpy(dtype=float)))
    mean, low, high = np.exp(found[:3])
    return float(mean), float(low), float(high)


def _exponent(part: pd.DataFrame) -> float:
    """Return the slope of log time over log nodes, by least squares."""
    slope, _ = np.polyfit(np.log(part["nodes"]), np.log(part["mean"]), 1)
    return float(slope)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one panel a scenario; the fitted exponent stands at each line's end."""
    known = style.looks(frame["policy"])
    names = list(dict.fromkeys(frame["scenario"]))[:6]
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, axes = style.panels(
        rows, columns, height=2.8, gap=(2.9, 0.8), right=2.5,
    )  # fmt: skip
    for axis, scenario in zip(axes.flat, names, strict=False):
        part = frame[frame["scenario"] == scenario]
        axis.set_xscale("log")
        axis.set_yscale("log")
        style.courses(axis, part, known, x="nodes")
        sizes = sorted(part["nodes"].unique())
        axis.set_xticks(sizes, [lettering.compact(size) for size in sizes])
        axis.minorticks_off()
        lettering.log_ticks(axis.yaxis, part["mean"].min(), part["mean"].max())
        axis.set_xlabel("Nodes in the cluster")
        axis.set_ylabel("One decision (µs)")
        axis.set_title(lettering.short(str(scenario), 40))
        _ends(axis, part, known)
    style.unused(axes.flat[len(names) :])
    return figure


def _ends(axis: Axes, part: pd.DataFrame, known: dict[str, style.Look]) -> None:
    """Name each line at its right end, labels moved apart."""
    last = part[part["nodes"] == part["nodes"].max()]
    low, high = np.log10(axis.get_ylim())
    wanted = [(np.log10(value) - low) / (high - low) for value in last["mean"]]
    places = lettering.spread(wanted, 0.062, 0.0, 1.0)
    for row, place in zip(views.rows(last), places, strict=True):
        look = known[str(row.policy)]
        axis.annotate(
            f"{lettering.short(str(row.policy), 22)} (n^{row.exponent:.2f})",
            (row.nodes, row.mean), xytext=(1.05, place), textcoords="axes fraction",
            va="center", fontsize=8, color=look.color, gid=look.gid(),
            arrowprops={"arrowstyle": "-", "color": look.color, "linewidth": 0.5,
                        "relpos": (0, 0.5)},
        )  # fmt: skip
