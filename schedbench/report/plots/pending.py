"""Pods that wait for a node, over simulated time, above the rate at which pods arrive.

Lines are means over seeds; the band reaches from the least to the most of any seed,
and is the baseline's alone where there are more than three policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report import lettering, style, timelines

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "pending"
TITLE = "Pending pods over time"
EACH_SCENARIO = True
NEEDS = "samples in which something changes"
BINS = 40


def data(results: Results) -> pd.DataFrame | None:
    """Return mean, low and high of pending and of arrived pods over time.

    Columns as of `timelines.over_seeds`; `what` is `pending` or `arrived`, the latter
    only where arrivals take time.
    """
    frame = timelines.over_seeds(results, ["pods_pending", "progress"])
    if frame is None:
        return None
    named = {"pods_pending": "pending", "progress": "arrived"}
    frame = frame.assign(what=frame["what"].map(named))
    timeless = (frame["what"] == "arrived") & (frame["moment"] == "progress")
    return frame[~timeless]


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few moments."""
    return timelines.wide(frame, "what")


def draw(frame: pd.DataFrame) -> Figure:
    """Draw pending pods, policies overlaid, and beneath them the arrival rate."""
    known = style.looks(frame["policy"])
    pending = frame[frame["what"] == "pending"]
    arrived = frame[frame["what"] == "arrived"]
    heights = (1.9, 0.8) if len(arrived) else (2.2,)
    figure, axes = style.panels(
        len(heights), 1, height=heights, gap=(0, 0.22), top=0.15,
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    axis = axes[0, 0]
    timelines.overlay(axis, pending, known)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("Pending (pods)")
    axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
    if len(arrived):
        _rate(axes[1, 0], arrived)
        axes[1, 0].set_xlim(axis.get_xlim())
        axes[1, 0].set_xlabel(axis.get_xlabel())
        axis.set_xlabel("")
        axis.tick_params(labelbottom=False)
    return figure


def _rate(axis: Axes, arrived: pd.DataFrame) -> None:
    """Draw arrivals for each unit of time; they are the same under every policy."""
    first = arrived[arrived["policy"] == style.present(arrived["policy"])[0]]
    divisor, unit, _ = timelines.scale_of("time", first["at"].max())
    edges = np.linspace(0, first["at"].max(), BINS + 1)
    total = np.interp(edges, first["at"], first["mean"])
    rate = np.maximum(np.diff(total), 0) / np.diff(edges / divisor)
    axis.stairs(rate, edges / divisor, fill=True, color=style.MUTED, alpha=0.55)
    axis.set_ylim(bottom=0)
    axis.set_ylabel(f"Arrivals\n(pods/{unit.removesuffix('s') or 's'})")
    axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
    axis.locator_params(axis="y", nbins=3)
