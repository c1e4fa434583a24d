"""Time of one decision on this machine: median over seeds, largest sizes.

Ticks are the 50th and 90th percentile, the marker is the 99th, the thin line ends
at the slowest decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report import lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "latency"
NEEDS = "measured latencies"
TITLE = "Decision latency"
COLUMNS = 3
MOST = 12
PERCENTILES = ("latency_p50_us", "latency_p90_us", "latency_p99_us", "latency_max_us")
WALL_CLOCK = PERCENTILES


def data(results: Results) -> pd.DataFrame | None:
    """Return the percentiles for each scenario, size and policy."""
    cells = views.done(results)
    if any(name not in cells or cells[name].isna().all() for name in PERCENTILES):
        return None
    parts = []
    for group in views.largest(results)[:MOST]:
        here = views.of(cells, group).dropna(subset=list(PERCENTILES))
        keys = ["scenario", "size", "policy"]
        found = here.groupby(keys, sort=False)[list(PERCENTILES)].median().reset_index()
        parts.append(found.assign(label=group.label))
    frame = pd.concat(parts, ignore_index=True)
    return None if frame.empty else frame


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a line from median to maximum for each policy."""
    known = style.looks(frame["policy"])
    labels = list(dict.fromkeys(frame["label"]))
    columns = min(COLUMNS, len(labels))
    rows = -(-len(labels) // columns)
    names = style.present(frame["policy"])
    left = 0.3 + max(
        lettering.text_width(lettering.short(name, 26), 8) for name in names
    )
    figure, axes = style.panels(
        rows, columns, height=0.24 * len(names) + 0.2, left=left, gap=(0.25, 0.8)
    )
    low, high = frame[PERCENTILES[0]].min(), frame[PERCENTILES[-1]].max()
    for number, (axis, label) in enumerate(zip(axes.flat, labels, strict=False)):
        _panel(axis, frame[frame["label"] == label], names, known)
        axis.set_xlim(low / 1.5, high * 1.5)
        lettering.log_ticks(axis.xaxis, low, high)
        axis.set_yticks(range(len(names)), [])
        if number % columns == 0:
            axis.set_yticklabels([lettering.short(name, 26) for name in names])
        axis.set_title(lettering.short(label, 40))
        axis.set_xlabel("One decision (µs)")
    style.unused(axes.flat[len(labels) :])
    return figure


def _panel(
    axis: Axes, part: pd.DataFrame, names: list[str], known: dict[str, style.Look]
) -> None:
    axis.set_xscale("log")
    for row in part.to_dict("records"):
        look = known[str(row["policy"])]
        at = names.index(str(row["policy"]))
        p50, p90, p99, most = (row[name] for name in PERCENTILES)
        own: dict[str, Any] = {"color": look.color, "gid": look.gid()}
        axis.plot([p50, most], [at, at], linewidth=0.9, **own)
        axis.plot([p50, p99], [at, at], linewidth=2.6, **own)
        axis.plot(
            [p50, p90], [at, at], marker="|", linestyle="none", **own, markersize=9
        )
        axis.plot([p99], [at], marker=look.marker, **own)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
