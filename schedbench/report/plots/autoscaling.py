"""How a cluster follows its requests: their rate, the back-ends, the nodes.

Lines are means over seeds; the band reaches from the least to the most of any seed,
and is the baseline's alone where there are more than three policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import lettering, style, timelines

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "autoscaling"
TITLE = "Requests, back-ends and nodes"
EACH_SCENARIO = True
NEEDS = "a run with requests through an ingress"
OFFERED = "rate_requests"
WORDS = {
    OFFERED: ("Requests", "Requests a second"),
    "rate_unserved": ("Requests that nobody served", "Requests a second"),
    "depth_backends": ("Ready back-ends", "Pods"),
    "depth_nodes": ("Nodes", "Nodes"),
}
"""Column of the `load` table → title of its panel, what its axis counts."""


def data(results: Results) -> pd.DataFrame | None:
    """Return mean, low and high of each column for scenarios to which requests come.

    Columns as of `timelines.over_seeds`.
    """
    load = results.load
    if OFFERED not in load:
        return None
    served = load.groupby("scenario", observed=True)[OFFERED].max()
    load = load[load["scenario"].isin(served[served > 0].index)]
    return None if load.empty else timelines.over_seeds(results, [*WORDS], load)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few moments."""
    return timelines.wide(frame, "what")


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a panel for each column, policies overlaid."""
    known = style.looks(frame["policy"])
    figure, axes = style.panels(
        2, 2, height=1.9, gap=(0.75, 0.8),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, (what, (title, counted)) in zip(axes.flat, WORDS.items(), strict=True):
        timelines.overlay(axis, frame[frame["what"] == what], known)
        axis.set_ylim(bottom=0)
        axis.set_title(title)
        axis.set_ylabel(counted)
        axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
        axis.locator_params(axis="y", nbins=5)
    return figure
