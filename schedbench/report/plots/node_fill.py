"""How full each node is over simulated time: its dominant resource, first seed.

Packing leaves nodes empty, spreading fills them all alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from schedbench.report import lettering, style, timelines, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "node_fill"
NEEDS = "samples in which something changes"
TITLE = "Node fill"
EACH_SCENARIO = True
COLUMNS = 4


def data(results: Results) -> pd.DataFrame | None:
    """Return moment, at, node_bin and fill of the first seed, largest sizes only."""
    frame = results.node_fill
    parts = []
    for group in views.largest(results):
        here = views.of(frame, group)
        here = here[here["seed"] == here["seed"].min()]
        moment = timelines.moments(here)
        if moment is not None:
            parts.append(here.assign(moment=moment, at=here[moment].astype(float)))
    return pd.concat(parts, ignore_index=True) if parts else None


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, at the end, how many of the node groups are how full."""
    last = frame.groupby("policy", observed=True)["at"].transform("max")
    end = frame[frame["at"] == last]
    names = ["empty (< 2 %)", "2–50 %", "50–90 %", "over 90 %"]
    class_of = pd.cut(end["fill"], [-1, 0.02, 0.5, 0.9, 2], labels=names)
    counts = pd.crosstab(end["policy"], class_of).reindex(columns=names, fill_value=0)
    counts["mean fill (%)"] = end.groupby("policy", observed=True)["fill"].mean() * 100
    return counts.rename_axis(columns=None).reset_index()


def draw(frame: pd.DataFrame) -> Figure:
    """Draw one heat map a policy, side by side, under one colour scale."""
    names = style.present(frame["policy"])
    known = style.looks(frame["policy"])
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, axes = style.panels(
        rows, columns, height=1.55, gap=(0.18, 0.5), right=0.85, left=0.6
    )
    moment = frame["moment"].iloc[0]
    divisor, _, label = timelines.scale_of(moment, frame["at"].max())
    label = "Pods decided" if moment == "progress" else label
    for number, (axis, name) in enumerate(zip(axes.flat, names, strict=False)):
        part = frame[frame["policy"] == name]
        wide = part.pivot_table(index="node_bin", columns="at", values="fill")
        end = float(part["at"].max()) / divisor
        image = axis.imshow(
            wide.to_numpy(), aspect="auto", origin="lower", cmap="cividis",
            vmin=0, vmax=1, interpolation="none", extent=(0, end or 1, 0, 100),
        )  # fmt: skip
        axis.set_title(lettering.short(name, 26), fontsize=8.5)
        axis.set_gid(known[name].gid())
        axis.grid(visible=False)
        axis.set_yticks(
            [0, 50, 100], ["first", "", "last"] if number % columns == 0 else []
        )
        axis.locator_params(axis="x", nbins=4)
        axis.xaxis.set_major_formatter(lambda value, _: lettering.compact(value))
        if number % columns == 0:
            axis.set_ylabel("Nodes, in order")
        if number + columns >= len(names):
            axis.set_xlabel(label)
    style.unused(axes.flat[len(names) :])
    _colour_bar(figure, image, axes[0, -1] if rows == 1 else axes[0, columns - 1])
    return figure


def _colour_bar(figure: Figure, image: AxesImage, axis: Axes) -> None:
    box = axis.get_position()
    width = figure.get_size_inches()[0]
    where = figure.add_axes((1 - 0.68 / width, box.y0, 0.12 / width, box.height))
    bar = figure.colorbar(image, cax=where)
    bar.set_ticks([0, 0.5, 1], labels=["0 %", "50 %", "100 %"])
    bar.outline.set_visible(False)
    where.grid(visible=False)
    where.tick_params(length=0)
