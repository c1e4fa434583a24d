"""Load of the control plane over simulated time: calls, writes, and what waits.

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

NAME = "control_plane_load"
TITLE = "Load of the control plane"
EACH_SCENARIO = True
NEEDS = "a run that is played end to end"
COLUMNS = 3
WORDS = {
    "rate_api_read": ("API: reads", "Calls a second"),
    "rate_api_write": ("API: writes", "Calls a second"),
    "rate_etcd_writes": ("etcd: writes", "Writes a second"),
    "rate_watch_events": ("API: watch events", "Events a second"),
    "depth_in_flight": ("API: requests in flight", "Requests"),
    "depth_waiting": ("API: requests that wait", "Requests"),
    "depth_workqueues": ("Controllers: work queues", "Keys"),
    "depth_active": ("Scheduler: active queue", "Pods"),
    "depth_backoff": ("Scheduler: backoff queue", "Pods"),
    "depth_unschedulable": ("Scheduler: unschedulable", "Pods"),
    "depth_unready": ("Not ready", "Pods"),
}
"""Column of the `load` table → title of its panel, what its axis counts."""


def data(results: Results) -> pd.DataFrame | None:
    """Return mean, low and high of each rate and queue for each scenario and policy.

    Those that are 0 in every scenario are left out. Columns as of
    `timelines.over_seeds`.
    """
    load = results.load
    busy = [name for name in WORDS if name in load and load[name].max() > 0]
    return timelines.over_seeds(results, busy, load) if busy else None


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the means at a few moments."""
    return timelines.wide(frame, "what")


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one panel for each rate and queue that is not always 0."""
    known = style.looks(frame["policy"])
    busy = frame.groupby("what", sort=False)["high"].max()
    shown = [str(what) for what, most in busy.items() if most > 0]
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure, axes = style.panels(
        rows, columns, height=1.7, gap=(0.75, 0.8),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, what in zip(axes.flat, shown, strict=False):
        timelines.overlay(axis, frame[frame["what"] == what], known)
        axis.set_ylim(bottom=0)
        title, counted = WORDS[what]
        axis.set_title(title)
        axis.set_ylabel(counted)
        axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
        axis.locator_params(axis="y", nbins=5)
    style.unused(axes.flat[len(shown) :])
    return figure
