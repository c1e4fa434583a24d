"""Pods that get ready a second against those applied, over simulated time.

Lines are pods that got ready, the grey area those applied under the baseline; means
over seeds. Where the grey is cut off, its peak is told.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.timelines import throughput
from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "startup_throughput"
TITLE = "Throughput of pods"
EACH_SCENARIO = True
NEEDS = "a run that is played end to end"
WINDOWS = 80
WIDTHS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
CUT = 2.0
"""How much higher than the highest line the grey area may be drawn."""


def data(results: Results) -> pd.DataFrame | None:
    """Return the pods a second of each window of time, means over seeds.

    Columns: scenario, size, policy, time (s, start of the window), width (s), applied,
    ready (pods/s).
    """
    hops = results.timelines
    if hops.empty:
        return None
    parts = []
    for group in views.largest(results):
        here = views.of(hops, group)
        if here["applied"].notna().sum() == 0:
            continue
        end = float(here[["applied", "ready"]].max().max())
        width = _width(end)
        grid = np.arange(math.floor(end / width) + 1) * width
        for policy, runs in here.groupby("policy", observed=True, sort=False):
            found = pd.concat(
                throughput(run, width).rename(columns={"arrived": "applied"})
                for _, run in runs.groupby("seed")
            )
            sums = found.groupby("time")[["applied", "done"]].sum()
            sums = sums.reindex(pd.Index(grid, name="time"), fill_value=0.0)
            means = (sums / runs["seed"].nunique()).reset_index()
            keys = {"scenario": group.scenario, "size": group.size, "policy": policy}
            parts.append(means.rename(columns={"done": "ready"}).assign(**keys))
            parts[-1]["width"] = width
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    return frame[["scenario", "size", "policy", "time", "width", "applied", "ready"]]


def _width(horizon: float) -> float:
    """Return the narrowest window of which there are not too many."""
    return next((w for w in WIDTHS if horizon / w <= WINDOWS), horizon / WINDOWS)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the highest rates of each policy, and those while pods were applied."""
    rows = []
    for policy, part in frame.groupby("policy", observed=True, sort=False):
        pods = part[["applied", "ready"]].mul(part["width"], axis=0).sum()
        rows.append({
            "policy": policy, "window (s)": part["width"].iloc[0],
            "applied (pods)": pods["applied"], "ready (pods)": pods["ready"],
            "most applied (pods/s)": part["applied"].max(),
            "most ready (pods/s)": part["ready"].max(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw the rate of ready pods for each policy over that of applied ones."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    width = float(frame["width"].iloc[0])
    end = float(frame["time"].max()) + width
    divisor, unit = views.clock(end)
    figure, axes = style.panels(1, 1, height=2.3, legend=names, known=known)
    axis = axes[0, 0]
    _applied(axis, frame[frame["policy"] == names[0]], divisor, frame["ready"].max())
    for number, name in enumerate(names):
        part = frame[frame["policy"] == name]
        axis.plot(
            (part["time"] + width / 2) / divisor, part["ready"],
            markevery=(2 + number * 17 // len(names), 20), **known[name].line(),
        )  # fmt: skip
    axis.set_xlim(0, end / divisor)
    axis.set_ylim(bottom=0)
    axis.set_xlabel(f"Simulated time ({unit})")
    axis.set_ylabel("Pods a second")
    axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
    axis.set_title(f"Ready (lines) and applied (grey), windows of {width:g} s")
    return figure


def _applied(axis: Axes, part: pd.DataFrame, divisor: float, highest: float) -> None:
    edges = [*part["time"], part["time"].iloc[-1] + part["width"].iloc[-1]]
    axis.stairs(
        part["applied"], [at / divisor for at in edges], fill=True,
        color=style.MUTED, alpha=0.3,
    )  # fmt: skip
    peak = part.iloc[int(part["applied"].to_numpy().argmax())]
    if highest > 0 and peak["applied"] > CUT * highest:
        axis.set_ylim(top=CUT * highest)
        axis.annotate(
            f"applied: up to {views.number(peak['applied'])} pods/s",
            ((peak["time"] + peak["width"]) / divisor, CUT * highest),
            xytext=(4, -3), textcoords="offset points", va="top",
            color=style.MUTED, fontsize=lettering.SMALL,
        )  # fmt: skip
