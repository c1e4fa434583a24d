"""Simulated time that API calls take in the API server, by verb and kind.

Hollow markers are the median, full ones the 99th percentile, of all seeds and answers
together. The dashed line is SIG Scalability's limit for the 99th percentile of mutating
calls. Listed are those with the slowest 99th percentile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.metrics.calls import by_pair
from schedbench.metrics.timelines import CALL_SLO
from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "api_latency"
TITLE = "Latency of API calls"
EACH_SCENARIO = True
NEEDS = "a run that is played end to end"
MOST = {True: 12, False: 8}
WORDS = {True: "Mutating calls", False: "Reading calls"}
LEAST = 1e-4


def data(results: Results) -> pd.DataFrame | None:
    """Return the percentiles of each verb and kind, all seeds together.

    Columns: scenario, size, policy, then as of `metrics.calls.by_pair`.
    """
    if results.calls.empty:
        return None
    parts = []
    for group in views.largest(results):
        here = views.of(results.calls, group)
        for policy, runs in here.groupby("policy", observed=True, sort=False):
            keys = {"scenario": group.scenario, "size": group.size, "policy": policy}
            parts.append(by_pair(runs).assign(**keys))
    frame = pd.concat(parts, ignore_index=True)
    first = ["scenario", "size", "policy"]
    return frame[first + [name for name in frame if name not in first]]


def draw(frame: pd.DataFrame) -> Figure:
    """Draw mutating calls above reading ones, a row a verb and kind."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    labelled = frame.assign(label=frame["verb"] + " " + frame["kind"])
    slowest = labelled.groupby(["mutating", "label"])["p99_s"].max()
    listed = {
        mutating: list(slowest[mutating].sort_values(ascending=False).index[:most])
        for mutating, most in MOST.items()
        if mutating in slowest.index
    }
    each = 0.14 + 0.08 * len(names)
    texts = [text for rows in listed.values() for text in rows]
    figure, axes = style.panels(
        len(listed), 1, height=[each * len(rows) for rows in listed.values()],
        left=0.3 + max(lettering.text_width(text, 8) for text in texts),
        gap=(0, 0.6), legend=names, known=known,
    )  # fmt: skip
    low = max(frame["p50_s"].min(), LEAST)
    high = max(frame["p99_s"].max(), CALL_SLO)
    for axis, (mutating, rows) in zip(axes.flat, listed.items(), strict=True):
        axis.set_xscale("log")
        _rows(axis, labelled[labelled["mutating"] == mutating], rows, known, names)
        axis.set_xlim(low / 1.5, high * 2)
        lettering.log_ticks(axis.xaxis, low, high)
        axis.set_title(WORDS[mutating])
        if mutating:
            _limit(axis)
    axes[-1, 0].set_xlabel("Simulated time of a call (s)")
    return figure


def _rows(
    axis: Axes,
    part: pd.DataFrame,
    rows: list[str],
    known: dict[str, style.Look],
    names: list[str],
) -> None:
    for row in part[part["label"].isin(rows)].to_dict("records"):
        look = known[str(row["policy"])]
        turn = (names.index(str(row["policy"])) + 0.5) / len(names) - 0.5
        place = rows.index(row["label"]) + 0.7 * turn
        ends = [max(row[name], LEAST) for name in ("p50_s", "p99_s")]
        line = look.line() | {"linestyle": "-", "linewidth": 0.8}
        axis.plot(ends, [place, place], markevery=[1], **line)
        hollow = line | {"linestyle": "none", "markerfacecolor": style.CARD}
        axis.plot(ends[:1], [place], **hollow)
    axis.set_yticks(range(len(rows)), rows)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)


def _limit(axis: Axes) -> None:
    axis.axvline(CALL_SLO, color=style.MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
    axis.annotate(
        f"SLO: 99 % within {CALL_SLO:g} s", (CALL_SLO, 1),
        xycoords=("data", "axes fraction"), xytext=(0, 3),
        textcoords="offset points", ha="center", color=style.MUTED,
        fontsize=lettering.SMALL,
    )  # fmt: skip
