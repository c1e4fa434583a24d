"""Allocated share of capacity over simulated time, a panel a resource.

Lines are means over seeds; the band reaches from the least to the most of any seed,
and is the baseline's alone where there are more than three policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.report import style, timelines, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "allocation"
TITLE = "Allocation over time"
EACH_SCENARIO = True
NEEDS = "samples in which something changes"
COLUMNS = 3


def data(results: Results) -> pd.DataFrame | None:
    """Return mean, low and high for each scenario, policy, resource and time."""
    columns = [
        str(name) for name in results.samples if str(name).startswith("allocation_")
    ]
    frame = timelines.over_seeds(results, columns)
    if frame is None:
        return None
    frame = frame.rename(columns={"what": "resource"})
    frame["resource"] = frame["resource"].str.removeprefix("allocation_")
    return frame


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few moments, in percent of capacity."""
    return timelines.wide(frame, "resource", scale=100.0)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one panel for each resource, policies overlaid."""
    known = style.looks(frame["policy"])
    resources = list(dict.fromkeys(frame["resource"]))
    columns = min(COLUMNS, len(resources))
    rows = -(-len(resources) // columns)
    figure, axes = style.panels(
        rows, columns, height=2.3, legend=style.present(frame["policy"]), known=known
    )
    top = min(1.0, frame["high"].max() * 1.08) * 100 or 100
    for axis, resource in zip(axes.flat, resources, strict=False):
        timelines.overlay(axis, frame[frame["resource"] == resource], known, scale=100)
        axis.set_ylim(0, top)
        axis.set_title(_words(resource))
        axis.set_ylabel("Allocated (% of capacity)")
    style.unused(axes.flat[len(resources) :])
    return figure


def _words(resource: str) -> str:
    named = {"cpu": "CPU", "memory": "Memory", "gpu": "GPU"}
    return views.title(named.get(resource, resource))
