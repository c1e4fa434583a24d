"""Curves over the GPU request that arrived: seeds together, ours beside published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schedbench.report import style

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NEEDS = "pods that ask for shared GPUs, stay, and find the same nodes throughout"
AXIS = "Arrived GPU request (% of GPU capacity)"
LISTED = (20, 40, 60, 80, 100, 110, 120, 130)
EVERY = 10
OURS = "ours, mean over seeds"
PUBLISHED = "published, mean over seeds (open markers)"
LINE: dict[str, Any] = {"linestyle": "-", "marker": "none"}
BAR: dict[str, Any] = {"linestyle": "none", "marker": "s", "markersize": 8}
RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none"}
NOT_PUBLISHED = "No published curves were found beside the data: ours alone."


def over_seeds(results: Results, curve: str) -> pd.DataFrame | None:
    """Return a curve's mean, low and high over seeds, and the published mean.

    Columns: scenario, size, policy, arrived_pct, mean, low, high, published (NaN where
    nothing was). Seeds differ in how far they go: each point is that of those that get
    there. None without curves.
    """
    frame = results.curves
    frame = frame[frame["curve"] == curve]
    if frame.empty:
        return None
    keys = ["scenario", "size", "policy", "arrived_pct"]
    grouped = frame.groupby(keys, sort=False, observed=True)
    found: pd.DataFrame = grouped.agg(
        mean=("ours", "mean"),
        low=("ours", "min"),
        high=("ours", "max"),
        published=("published", "mean"),
    ).reset_index()
    return found


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """Return means at a few points, a row a policy, ours and published."""
    points = [at for at in LISTED if at <= frame["arrived_pct"].max()]
    rows = []
    for policy in style.present(frame["policy"]):
        course = frame[frame["policy"] == policy].set_index("arrived_pct")
        for column, source in (("mean", "ours"), ("published", "published")):
            values = {f"at {at} %": course[column].get(at, np.nan) for at in points}
            if not all(np.isnan(value) for value in values.values()):
                rows.append({"policy": policy, "source": source} | values)
    return pd.DataFrame(rows)


def overlay(
    axis: Axes, frame: pd.DataFrame, known: dict[str, style.Look], low: float = 0.0
) -> None:
    """Draw a line a policy, the means, and the published ones as open rings on it."""
    frame = frame[frame["arrived_pct"] >= low]
    for number, name in enumerate(style.present(frame["policy"])):
        course = frame[frame["policy"] == name]
        look = known[name]
        line = look.line() | {"marker": "none"}
        axis.plot(course["arrived_pct"], course["mean"], **line)
        told = course.dropna(subset="published")
        shown = told[(told["arrived_pct"] + 2 * number) % EVERY == 0]
        axis.plot(
            shown["arrived_pct"], shown["published"], linestyle="none",
            marker=look.marker, markersize=6, markerfacecolor="none",
            markeredgecolor=look.color, markeredgewidth=1.1, gid=look.gid(),
            clip_on=False,
        )  # fmt: skip
    axis.set_xlim(low, float(frame["arrived_pct"].max()))
    axis.set_xlabel(AXIS)


def say_published(
    figure: Figure, frame: pd.DataFrame, ours: dict[str, Any] = LINE
) -> None:
    """Write below the panels what the open markers are, or that there are none.

    `ours` is how our own values are drawn.
    """
    width, height = figure.get_size_inches()
    y = 0.14 / height
    if frame["published"].isna().all():
        figure.text(0.75 / width, y, NOT_PUBLISHED, va="center_baseline")
        return
    for x, text, look in ((0.75, OURS, ours), (2.85, PUBLISHED, RING)):
        at = [x / width, (x + 0.15) / width, (x + 0.3) / width]
        key = Line2D(at, [y, y, y], markevery=[1], color=style.MUTED, **look)
        figure.add_artist(key)
        figure.text((x + 0.38) / width, y, text, va="center_baseline")


def final(results: Results, curve: str) -> pd.DataFrame | None:
    """Return each seed's last point that all runs of a scenario reach.

    Columns: scenario, size, policy, seed, arrived_pct, ours, published. None without
    curves.
    """
    frame = results.curves
    frame = frame[frame["curve"] == curve]
    if frame.empty:
        return None
    keys = ["scenario", "size"]
    last = frame.groupby([*keys, "policy", "seed"], observed=True)["arrived_pct"].max()
    common = last.groupby(keys, observed=True).min().rename("last").reset_index()
    joined = frame.merge(common, on=keys)
    found: pd.DataFrame = joined[joined["arrived_pct"] == joined["last"]]
    return found.drop(columns=["curve", "last"])


def farthest(results: Results, curve: str) -> dict[tuple[Any, ...], float]:
    """Return (scenario, policy) → the largest distance of any seed's curve, in points.

    From what was published of the same seed; left out where nothing was.
    """
    frame = results.curves
    frame = frame[frame["curve"] == curve].dropna(subset="published")
    apart = (frame["ours"] - frame["published"]).abs()
    groups = [frame["scenario"].astype(str), frame["policy"].astype(str)]
    most = apart.groupby(groups).max()
    return dict(zip(most.index.tolist(), most.tolist(), strict=True))
