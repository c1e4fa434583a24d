"""Performance profiles: on which share of the problems a policy is how near the best.

A problem is a scenario at one size in one seed. Where a line begins is the share on
which the policy is best, ties included; further right, the share on which it is at most
that many times worse than the best. The higher, the better; a line that ends below
100 % has problems beyond the edge. Dolan and Moré, 2002.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report import across, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "profiles"
TITLE = "Performance profiles across scenarios"
NEEDS = "two policies or more, and two scenarios or sizes of one headline metric"
FURTHEST = 10.0
NARROW = 5.0


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each step of each policy's profile, a metric after the other."""
    from schedbench.experiment.statistics import performance_profiles

    parts = [
        performance_profiles(cells, metric).assign(
            metric=metric, problems=across.count(cells, metric)
        )
        for metric, cells in across.problems(results).items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else None


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel a metric, a line a policy."""
    known = style.looks(frame["policy"])
    metrics = list(dict.fromkeys(frame["metric"]))
    figure, axes = style.panels(
        1, len(metrics), height=2.6, gap=(0.45, 0),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, metric in zip(axes[0], metrics, strict=True):
        _profile(axis, frame[frame["metric"] == metric], metric, known)
    axes[0, 0].set_ylabel("Share of the problems (%)")
    return figure


def _profile(
    axis: Axes, part: pd.DataFrame, metric: str, known: dict[str, style.Look]
) -> None:
    end = _edge(part["ratio"].max())
    for number, name in enumerate(style.present(part["policy"])):
        start = 0.05 * (number % 7)  # so that markers do not hide each other
        steps = part[(part["policy"] == name) & (part["ratio"] <= end)]
        ratios = np.array([1.0, *steps["ratio"], end])
        shares = np.array([0.0, *steps["share"], *steps["share"].tail(1)])
        if len(shares) < len(ratios):
            shares = np.append(shares, 0.0)
        if len(steps) and steps["ratio"].iloc[0] == 1.0:
            ratios, shares = ratios[1:], shares[1:]
        axis.step(
            ratios, shares * 100, where="post",
            **known[name].line() | {"markevery": (start, 0.35)}, clip_on=False,
        )  # fmt: skip
    if end > NARROW:
        axis.set_xscale("log")
        lettering.log_ticks(axis.xaxis, 1.0, end)
    else:
        axis.locator_params(axis="x", nbins=5)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:.6g}")
    axis.set_xlim(1.0, end)
    axis.set_ylim(0, 100)
    axis.set_xlabel("Times worse than the best, at most")
    problems = views.number(part["problems"].iloc[0])
    axis.set_title(f"{views.title(metric)} {views.arrow(metric)}", pad=16)
    axis.text(
        0, 1.02, f"{problems} problems", transform=axis.transAxes, va="bottom",
        fontsize=lettering.SMALL, color=style.MUTED,
    )  # fmt: skip


def _edge(largest: float) -> float:
    """Return where a panel ends: a little beyond the largest ratio."""
    if largest > NARROW:
        return float(min(largest * 1.1, FURTHEST))
    return float(1 + max(largest - 1, 0.001) * 1.1)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the shares at some ratios, a row a policy and metric."""
    rows = []
    for (metric, policy), part in frame.groupby(
        ["metric", "policy"], sort=False, observed=True
    ):
        held = [
            float(part.loc[part["ratio"] <= ratio, "share"].max()) * 100
            for ratio in (1.0, 1.1, 1.5, 2.0, FURTHEST)
        ]
        rows.append((views.title(str(metric)), policy, *np.nan_to_num(held)))
    names = ["best %", "within 1.1 × %", "within 1.5 × %", "within 2 × %"]
    columns = ["metric", "policy", *names, f"within {FURTHEST:g} × %"]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(policy=pd.Categorical(found["policy"].astype(str)))
