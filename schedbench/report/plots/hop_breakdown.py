"""Where a pod's way from applied to ready spends its time: the mean of each hop.

Means are over the pods that got ready, all seeds together, and add up to the mean of
the whole way, whose seconds stand at the end of the bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from schedbench.metrics.timelines import breakdown
from schedbench.report import lettering, style, views
from schedbench.simulation.timeline import HOPS

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "hop_breakdown"
TITLE = "Where startup time goes"
EACH_SCENARIO = True
NEEDS = "a run that is played end to end"
SHOWN = HOPS[1 : HOPS.index("ready") + 1]
COLUMNS = 5
HATCHES = ("", "////")


def data(results: Results) -> pd.DataFrame | None:
    """Return the mean seconds that the pods of each policy spent in each hop.

    Columns: scenario, size, policy, hop, mean_s, share (of the whole way).
    """
    timelines = results.timelines
    if timelines.empty:
        return None
    parts = []
    for group in views.largest(results):
        here = views.of(timelines, group)
        for policy, runs in here.groupby("policy", observed=True, sort=False):
            named = runs.assign(uid=runs["seed"].astype(str) + "/" + runs["uid"])
            part = breakdown(named)
            if part["mean_s"].notna().all():
                keys = {"scenario": group.scenario, "size": group.size}
                parts.append(part.assign(**keys, policy=policy))
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    return frame[["scenario", "size", "policy", "hop", "mean_s", "share"]]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row a hop and a column a policy, in seconds."""
    wide = frame.pivot_table(
        index="hop", columns="policy", values="mean_s", observed=True, sort=False
    )
    wide.columns = pd.Index([f"{name} (s)" for name in wide.columns])
    return wide.reset_index()


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one bar a policy, stacked by hop."""
    names = style.present(frame["policy"])
    labels = [lettering.short(name, 26) for name in names]
    left = 0.3 + max(lettering.text_width(label, 8) for label in labels)
    lines = -(-len(SHOWN) // COLUMNS)
    figure, axes = style.panels(
        1, 1, height=0.34 * len(names) + 0.2, left=left, top=0.2 + 0.2 * lines
    )
    axis = axes[0, 0]
    _bars(axis, frame, names)
    axis.set_yticks(range(len(names)), labels)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel("Mean simulated time of a pod (s)")
    figure.legend(
        handles=[Patch(label=_words(hop), **_fill(hop)) for hop in SHOWN],
        loc="upper left", bbox_to_anchor=(0.005, 1.0), ncols=COLUMNS,
        handlelength=1.5, handleheight=1.0, columnspacing=1.4, borderaxespad=0.3,
    )  # fmt: skip
    return figure


def _bars(axis: Axes, frame: pd.DataFrame, names: list[str]) -> None:
    looks = style.looks(frame["policy"])
    most = frame.groupby("policy", observed=True)["mean_s"].sum().max() or 1.0
    for row, name in enumerate(names):
        part = frame[frame["policy"] == name].set_index("hop")["mean_s"]
        start = 0.0
        for hop in SHOWN:
            width = float(part.get(hop, 0.0))
            (bar,) = axis.barh(row, width, left=start, height=0.62, **_fill(hop))
            bar.set_gid(looks[name].gid())
            start += width
        axis.annotate(
            f"{views.number(start)} s", (start, row), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=lettering.SMALL,
            gid=looks[name].gid(),
        )  # fmt: skip
    axis.set_xlim(0, most * 1.12)


def _fill(hop: str) -> dict[str, Any]:
    """Return a hop's colour and, past the eighth, its hatching."""
    lap, colour = divmod(SHOWN.index(hop), len(style.PALETTE))
    return {
        "facecolor": style.PALETTE[colour][0],
        "edgecolor": style.CARD,
        "linewidth": 0.6,
        "hatch": HATCHES[lap],
    }


def _words(hop: str) -> str:
    return hop.replace("_", " ")
