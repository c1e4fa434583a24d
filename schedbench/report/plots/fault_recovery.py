"""Pods that are not ready while things break, and until when that shows.

Above, lines are means over seeds, the band reaches from the least to the most of any
seed, and grey is when a fault lasts. Below, a line a fault and policy reaches from the
fault's beginning to the marker, when no more pods are unready than before it: the mean
over seeds, or “never” if in some seed that does not come.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report import lettering, style, timelines, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "fault_recovery"
TITLE = "Faults and recovery"
EACH_SCENARIO = True
NEEDS = "a run that is played end to end, with faults"
MOST = 12
UNREADY = "depth_unready"


def data(results: Results) -> pd.DataFrame | None:
    """Return the course of unready pods, and a row for each fault and policy.

    Columns as of `timelines.over_seeds`; rows of faults have instead the columns
    fault, kind, begin, end (s; ∞ = never), recovery (s; ∞ = never in some seed).
    """
    if results.faults.empty or results.load.empty:
        return None
    course = timelines.over_seeds(results, [UNREADY], results.load)
    parts = [] if course is None else [course]
    for group in views.largest(results):
        here = views.of(results.faults, group)
        for policy, rows in here.groupby("policy", observed=True, sort=False):
            keys = {"scenario": group.scenario, "size": group.size, "policy": policy}
            parts.append(_spans(rows).assign(**keys, what="fault", moment="time"))
    frame = pd.concat(parts, ignore_index=True)
    broken = set(frame.loc[frame["what"] == "fault", "scenario"])
    return frame[frame["scenario"].isin(broken)]


def _spans(rows: pd.DataFrame) -> pd.DataFrame:
    found = []
    for number, part in rows.groupby("fault"):
        begun = part[part["what"] == "begin"]
        ended = part.loc[part["what"] == "end", "time"]
        found.append({
            "fault": number, "kind": part["kind"].iloc[0],
            "begin": begun["time"].min(),
            "end": ended.max() if len(ended) else math.inf,
            "recovery": begun["recovery_s"].mean(),
        })  # fmt: skip
    return pd.DataFrame(found)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return when each fault was, and the seconds until it no longer showed."""
    faults = frame[frame["what"] == "fault"].sort_values(["fault", "policy"])
    return pd.DataFrame({
        "fault": [_label(row) for row in faults.to_dict("records")],
        "policy": faults["policy"].to_numpy(),
        "begin (s)": faults["begin"].to_numpy(),
        "end (s)": faults["end"].to_numpy(),
        "recovery (s)": faults["recovery"].to_numpy(),
    })  # fmt: skip


def draw(frame: pd.DataFrame) -> Figure:
    """Draw the unready pods over time, and beneath them the faults."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    faults = frame[frame["what"] == "fault"]
    faults = faults[faults["fault"] < MOST]
    rows = list(faults.drop_duplicates("fault").sort_values("fault").to_dict("records"))
    labels = [_label(row) for row in rows]
    left = max(0.75, 0.3 + max(lettering.text_width(text, 8) for text in labels))
    figure, axes = style.panels(
        2, 1, height=(2.1, len(rows) * (0.16 + 0.1 * len(names))), gap=(0, 0.15),
        left=left, legend=names, known=known,
    )  # fmt: skip
    above, below = axes[0, 0], axes[1, 0]
    course = frame[frame["what"] == UNREADY]
    timelines.overlay(above, course, known)
    above.set_ylim(bottom=0)
    above.set_ylabel("Not ready (pods)")
    above.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
    divisor, _, label = timelines.scale_of("time", course["at"].max())
    end = course["at"].max() / divisor
    for place, row in enumerate(rows):
        span = row["begin"] / divisor, min(row["end"] / divisor, end)
        grey = {"color": style.MUTED, "alpha": 0.16, "linewidth": 0}
        above.axvspan(*span, **grey)
        below.barh(place, span[1] - span[0], left=span[0], height=0.9, **grey)
    _recoveries(below, faults, rows, known, divisor, end)
    below.set_yticks(range(len(rows)), labels)
    below.set_ylim(len(rows) - 0.5, -0.5)
    below.tick_params(axis="y", length=0)
    below.grid(axis="y", visible=False)
    below.set_xlim(0, end)
    below.set_xlabel(label)
    above.set_xlabel("")
    above.tick_params(labelbottom=False)
    return figure


def _recoveries(
    axis: Axes,
    faults: pd.DataFrame,
    rows: list[dict[Any, Any]],
    known: dict[str, style.Look],
    divisor: float,
    end: float,
) -> None:
    names = style.present(faults["policy"])
    offsets = (np.arange(len(names)) + 0.5) / len(names) - 0.5
    for row in faults.to_dict("records"):
        at = next(i for i, each in enumerate(rows) if each["fault"] == row["fault"])
        place = at + 0.8 * offsets[names.index(str(row["policy"]))]
        look = known[str(row["policy"])]
        begin = row["begin"] / divisor
        if math.isnan(row["recovery"]):
            continue
        never = math.isinf(row["recovery"])
        until = end if never else begin + row["recovery"] / divisor
        line = look.line() | {"markevery": [1], "linewidth": 1.0}
        line |= {"marker": ""} if never else {}
        axis.plot([begin, until], [place, place], **line, clip_on=False)
        if never:
            axis.annotate(
                "never", (until, place), xytext=(-3, 0), textcoords="offset points",
                ha="right", va="center", fontsize=lettering.SMALL, gid=look.gid(),
                bbox={"facecolor": style.CARD, "edgecolor": "none", "pad": 0.4},
            )  # fmt: skip


def _label(row: dict[Any, Any]) -> str:
    return f"{int(row['fault']) + 1} {row['kind']}"
