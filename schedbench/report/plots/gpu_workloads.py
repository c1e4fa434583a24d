"""Allocated GPU when all pods have arrived, a group of bars a scenario.

Bars are means over seeds of our runs and their whiskers one standard deviation; rings
are the published means, where the data has them. The table has the largest distance of
our curves from the published ones at any point of any seed, in percentage points, and
how far our mean is from theirs in their standard deviations: nobody can repeat the
draws of a random policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schedbench.report import curves, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "gpu_workloads"
TITLE = "GPU allocation, scenario by scenario"
NEEDS = curves.NEEDS
ROOM = 0.82


def data(results: Results) -> pd.DataFrame | None:
    """Return mean and deviation of the last point for each scenario and policy."""
    last = curves.final(results, "allocation_pct")
    if last is None:
        return None
    allocation = curves.farthest(results, "allocation_pct")
    fragmentation = curves.farthest(results, "fragmentation_pct")
    rows = []
    keys = ["scenario", "size", "policy"]
    for key, part in last.groupby(keys, sort=False):
        scenario, size, policy = map(str, key)
        spread = part["published"].std()
        apart = part["ours"].mean() - part["published"].mean()
        rows.append(
            {
                "scenario": scenario,
                "size": size,
                "policy": policy,
                "arrived_pct": int(part["arrived_pct"].iloc[0]),
                "ours_pct": part["ours"].mean(),
                "deviation": part["ours"].std() if len(part) > 1 else np.nan,
                "published_pct": part["published"].mean(),
                "apart_in_deviations": apart / spread if spread > 0 else np.nan,
                "allocation_farthest": allocation.get((scenario, policy), np.nan),
                "fragmentation_farthest": fragmentation.get((scenario, policy), np.nan),
            }
        )
    return pd.DataFrame(rows)


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without what is the same for all of them."""
    sizes = frame.groupby("scenario", observed=True)["size"].nunique()
    left_out = ["size"] if (sizes == 1).all() else []
    unknown = [name for name in frame if frame[name].isna().all()]
    return frame.drop(columns=[*left_out, *unknown])


def draw(frame: pd.DataFrame) -> Figure:
    """Draw the bars from below the least on: the differences are small."""
    known = style.looks(frame["policy"])
    names = style.present(frame["policy"])
    frame = frame.assign(place=_places(frame))
    places = list(dict.fromkeys(frame["place"]))
    figure, axes = style.panels(1, 1, height=3.2, bottom=0.9, legend=names, known=known)
    axis = axes[0, 0]
    width = ROOM / len(names)
    for number, name in enumerate(names):
        part = frame[frame["policy"] == name]
        look = known[name]
        x = np.array([places.index(place) for place in part["place"]])
        x = x + (number - (len(names) - 1) / 2) * width
        drawn = axis.bar(
            x, part["ours_pct"], width * 0.88, color=look.color, alpha=0.75,
            yerr=part["deviation"].fillna(0.0),
            error_kw={"elinewidth": 0.9, "capsize": 2, "ecolor": style.INK},
        )  # fmt: skip
        assert drawn.errorbar is not None
        for artist in (*drawn, *drawn.errorbar.get_children()):
            artist.set_gid(look.gid())
        axis.plot(
            x, part["published_pct"], linestyle="none", marker="o", markersize=5,
            markerfacecolor="none", markeredgecolor=style.INK, gid=look.gid(),
        )  # fmt: skip
    values = frame["ours_pct"]
    ends = float((values + frame["deviation"].fillna(0.0)).max())
    room = max(float(values.max() - values.min()), 1.0)
    axis.set_ylim(max(float(values.min()) - 0.35 * room, 0.0), ends + 0.1 * room)
    labels = [lettering.short(place, 22) for place in places]
    axis.set_xticks(range(len(places)), labels)
    axis.grid(visible=False, axis="x")
    axis.set_xlabel(f"Scenario, after {views.number(frame['arrived_pct'].max())} % "
                    "of the GPU capacity arrived")  # fmt: skip
    axis.set_ylabel("Allocated GPU (% of capacity)")
    axis.set_title(f"The axis begins at {axis.get_ylim()[0]:.0f} %")
    curves.say_published(
        figure, frame.rename(columns={"published_pct": "published"}), curves.BAR
    )
    if frame["deviation"].notna().any():
        _say_whiskers(figure)
    return figure


def _say_whiskers(figure: Figure) -> None:
    """Write at the lower right what the error bars are."""
    width, height = figure.get_size_inches()
    text = "± 1 standard deviation over seeds"
    x = width - 0.2 - lettering.text_width(text, 8.5)
    at, y = (x - 0.12) / width, 0.14 / height
    ends = [y - 0.07 / height, y + 0.07 / height]
    figure.add_artist(
        Line2D([at, at], ends, color=style.INK, linewidth=0.9, marker="_", markersize=4)
    )
    figure.text(x / width, y, text, va="center_baseline")


def _places(frame: pd.DataFrame) -> pd.Series:
    """Return scenario, and size where there are several, as one label."""
    sizes = frame.groupby("scenario", observed=True)["size"].transform("nunique")
    scenario, size = frame["scenario"].astype(str), frame["size"].astype(str)
    return scenario.where(sizes == 1, scenario + " · " + size)
