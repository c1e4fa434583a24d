"""Allocated GPU against the GPU request that arrived, as the FGD paper draws it.

Lines are means over seeds of our runs; open markers, of which each policy has every
tenth, are the means that were published. The right panel is the end of the left one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import curves, style

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "gpu_allocation_curve"
TITLE = "GPU allocation against arrived request"
NEEDS = curves.NEEDS
EACH_SCENARIO = True
END = 85


def data(results: Results) -> pd.DataFrame | None:
    """Return the curve of each policy and scenario, ours and published."""
    return curves.over_seeds(results, "allocation_pct")


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few points."""
    return curves.wide(frame)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw all of it, and the end enlarged."""
    known = style.looks(frame["policy"])
    figure, axes = style.panels(
        1, 2, height=3.0, bottom=0.85, legend=style.present(frame["policy"]),
        known=known,
    )  # fmt: skip
    whole, end = axes.flat
    curves.overlay(whole, frame, known)
    whole.set_ylim(0, 100)
    whole.set_ylabel("Allocated GPU (% of capacity)")
    whole.set_title("All arrivals")
    last = float(frame["arrived_pct"].max())
    if last <= END:
        style.unused([end])
    else:
        curves.overlay(end, frame, known, low=END)
        shown = frame[frame["arrived_pct"] >= END]
        low, high = shown["low"].min(), shown["high"].max()
        end.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        end.set_ylabel("Allocated GPU (% of capacity)")
        end.set_title(f"From {END} % on")
    curves.say_published(figure, frame)
    return figure
