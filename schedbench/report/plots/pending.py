"""Pods that wait for a node, over simulated time.

Lines are means over seeds, bands reach from the least to the most of any seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import style, timelines

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "pending"
TITLE = "Pending pods over time"
EACH_SCENARIO = True


def data(results: Results) -> pd.DataFrame | None:
    """Return mean, low and high for each scenario, policy and time."""
    return timelines.over_seeds(results, ["pods_pending"])


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few moments."""
    return timelines.wide(frame, "what")


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one panel, policies overlaid."""
    known = style.looks(frame["policy"])
    figure, axes = style.panels(
        1, 1, height=2.2, legend=style.present(frame["policy"]), known=known
    )
    axis = axes[0, 0]
    timelines.overlay(axis, frame, known)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("Pending (pods)")
    axis.yaxis.set_major_formatter(lambda value, _: style.compact(value))
    return figure
