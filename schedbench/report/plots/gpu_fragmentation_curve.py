"""GPU that the typical pods cannot use, against the GPU request that arrived.

Left in percent of the cluster's GPU capacity, right in percent of the GPU that is idle.
Lines are means over seeds of our runs; open markers, of which each policy has every
tenth, are the means that were published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import curves, style

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "gpu_fragmentation_curve"
TITLE = "GPU fragmentation against arrived request"
NEEDS = curves.NEEDS
EACH_SCENARIO = True
PANELS = {
    "fragmentation_pct": ("Of all GPU", "Fragmented GPU (% of capacity)"),
    "fragmentation_of_idle_pct": ("Of idle GPU", "Fragmented GPU (% of idle GPU)"),
}


def data(results: Results) -> pd.DataFrame | None:
    """Return both curves of each policy and scenario, ours and published."""
    found = {curve: curves.over_seeds(results, curve) for curve in PANELS}
    parts = [
        frame.assign(curve=curve) for curve, frame in found.items() if frame is not None
    ]
    return pd.concat(parts, ignore_index=True) if parts else None


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few points, in percent of capacity and of idle GPU."""
    parts = []
    for curve, (title, _) in PANELS.items():
        part = curves.wide(frame[frame["curve"] == curve])
        part.insert(0, "fragmentation", title.lower())
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel for each measure."""
    known = style.looks(frame["policy"])
    figure, axes = style.panels(
        1, len(PANELS), height=3.0, bottom=0.85,
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, (curve, (title, label)) in zip(axes.flat, PANELS.items(), strict=True):
        part = frame[frame["curve"] == curve]
        curves.overlay(axis, part, known)
        axis.set_ylim(0, float(part["mean"].max()) * 1.08 or 1.0)
        axis.set_ylabel(label)
        axis.set_title(title)
    curves.say_published(figure, frame)
    return figure
