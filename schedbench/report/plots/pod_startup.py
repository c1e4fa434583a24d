"""Share of pods that are up within a time, all seeds together.

Left from applied to ready; right as SIG Scalability's indicator counts, from applied
to started without image pulls, with its limit for 99 % of the pods. A curve that does
not reach 100 % leaves pods that never got there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.timelines import (
    STARTUP_SLO,
    by_pod,
    startup,
    startup_without_pulls,
)
from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "pod_startup"
TITLE = "Pod startup latency"
EACH_SCENARIO = True
NEEDS = "a run that is played end to end"
POINTS = 201
LEAST = 1e-3
WHAT = {"ready": "Applied to ready", "slo": "Applied to started, no pulls"}


def data(results: Results) -> pd.DataFrame | None:
    """Return the seconds within which each share of a policy's pods is up.

    Columns: scenario, size, policy, what (`ready` or `slo`), share, seconds. Shares
    are of all applied pods; the last is that of those that got there.
    """
    timelines = results.timelines
    if timelines.empty:
        return None
    parts = []
    for group in views.largest(results):
        here = views.of(timelines, group)
        for policy, runs in here.groupby("policy", observed=True, sort=False):
            pods = pd.concat([by_pod(run) for _, run in runs.groupby("seed")])
            each = {"ready": startup(pods), "slo": startup_without_pulls(pods)}
            for what, seconds in each.items():
                there = seconds.dropna().to_numpy()
                if not len(there):
                    continue
                steps = np.linspace(0, 1, POINTS)
                parts.append(
                    pd.DataFrame({
                        "scenario": group.scenario, "size": group.size,
                        "policy": policy, "what": what,
                        "share": steps * len(there) / len(pods),
                        "seconds": np.quantile(there, steps),
                    })
                )  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else None


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the percentiles of each policy, of all pods applied."""
    rows = []
    for (what, policy), part in frame.groupby(
        ["what", "policy"], observed=True, sort=False
    ):
        row = {"measure": WHAT[str(what)], "policy": policy}
        for percent in (50, 90, 99):
            reached = part[part["share"] >= percent / 100 - 1e-9]
            row[f"p{percent} (s)"] = reached["seconds"].min()
        rows.append(row)
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw the distribution functions of each policy, and the limit."""
    known = style.looks(frame["policy"])
    figure, axes = style.panels(
        1, 2, height=2.6, legend=style.present(frame["policy"]), known=known
    )
    for axis, (what, words) in zip(axes.flat, WHAT.items(), strict=True):
        _panel(axis, frame[frame["what"] == what], known)
        axis.set_title(words)
        if what == "slo":
            _limit(axis)
    axes[0, 0].set_ylabel("Pods (%)")
    return figure


def _panel(axis: Axes, part: pd.DataFrame, known: dict[str, style.Look]) -> None:
    seconds = part["seconds"].clip(lower=LEAST)
    low, high = seconds.min(), max(seconds.max(), STARTUP_SLO)
    axis.set_xscale("log")
    names = style.present(part["policy"])
    for number, name in enumerate(names):
        curve = part[part["policy"] == name]
        every = (10 + number * 17 // len(names), 40)
        axis.plot(
            curve["seconds"].clip(lower=LEAST), curve["share"] * 100,
            markevery=every, **known[name].line(),
        )  # fmt: skip
    axis.set_xlim(low / 1.2, high * 1.4)
    axis.set_ylim(0, 102)
    lettering.log_ticks(axis.xaxis, low, high)
    axis.set_xlabel("Simulated time (s)")


def _limit(axis: Axes) -> None:
    axis.axvline(STARTUP_SLO, color=style.MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
    axis.set_xlim(right=max(axis.get_xlim()[1], 3 * STARTUP_SLO))
    axis.text(
        1, 1.03, f"dashed: SLO, 99 % within {STARTUP_SLO:g} s", ha="right",
        transform=axis.transAxes, color=style.MUTED, fontsize=lettering.SMALL,
    )  # fmt: skip
