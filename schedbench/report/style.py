"""How every figure looks: one colour, marker and line a policy, and no pyplot.

Colours are Okabe and Ito's colour-blind safe set ("Color Universal Design", 2008)
without its yellow, then two of Paul Tol's "muted" set; the baseline is drawn in ink.
Past nine policies the colours return with another line style; markers never repeat
before the sixteenth. Sizes are inches, so that nothing needs an automatic layout.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from schedbench.report.lettering import short, text_width

INK, MUTED, LINE, CARD = "#1b1f24", "#59636e", "#d9dee3", "#fffffe"
PALETTE = (  # on a light card, on a dark card
    ("#0072b2", "#4aa3e0"),
    ("#d55e00", "#f27a2c"),
    ("#009e73", "#2cc498"),
    ("#cc79a7", "#e59cc4"),
    ("#e69f00", "#f2bd45"),
    ("#56b4e9", "#a5dcff"),
    ("#882255", "#d0588f"),
    ("#7a7a2c", "#bdbd55"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "d", "8", "H")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.4)), (0, (6, 2, 1.2, 2)))
WIDTH = 9.6
LEGEND_GAP = 0.45

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "text.color": INK,
    "text.parse_math": False,
    "figure.facecolor": CARD,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "svg.fonttype": "none",
    "svg.hashsalt": "schedbench",
    "axes.unicode_minus": True,
}


class Look(NamedTuple):
    """How one policy is drawn, in every plot."""

    number: int
    color: str
    marker: str
    dash: Any
    width: float

    def line(self) -> dict[str, Any]:
        """Return the keyword arguments of `Axes.plot`."""
        return {
            "color": self.color,
            "linestyle": self.dash,
            "linewidth": self.width,
            "marker": self.marker,
            "markersize": 4.5,
            "gid": self.gid(),
        }

    def gid(self) -> str:
        """Return the mark by which the page shows and hides this policy."""
        return f"policy-{self.number}"


def looks(policies: pd.Series) -> dict[str, Look]:
    """Return each policy's look; the first category is the baseline, in ink.

    The page hands every plot a categorical column with all policies of the run, so
    that a policy looks the same where others are missing.
    """
    if isinstance(policies.dtype, pd.CategoricalDtype):
        names = list(policies.cat.categories)
    else:
        names = list(dict.fromkeys(policies))
    return {str(name): _look(index) for index, name in enumerate(names)}


def _look(index: int) -> Look:
    if index == 0:
        return Look(0, INK, MARKERS[0], "-", 2.0)
    lap, colour = divmod(index - 1, len(PALETTE))
    return Look(
        index,
        PALETTE[colour][0],
        MARKERS[index % len(MARKERS)],
        DASHES[lap % len(DASHES)],
        1.5,
    )


def present(column: pd.Series) -> list[str]:
    """Return the values of a column that occur, in category order."""
    seen = set(column.unique())
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [str(name) for name in column.cat.categories if name in seen]
    return [str(name) for name in column.unique()]


@contextmanager
def paper() -> Iterator[None]:
    """Draw with the house's settings, leaving matplotlib's own untouched."""
    with mpl.rc_context(RC):  # type: ignore[arg-type]
        yield


def panels(
    rows: int,
    columns: int,
    *,
    height: float | Sequence[float] = 2.1,
    width: float = WIDTH,
    left: float = 0.75,
    right: float = 0.2,
    top: float = 0.35,
    bottom: float = 0.55,
    gap: tuple[float, float] = (0.7, 0.75),
    legend: Sequence[str] = (),
    known: dict[str, Look] | None = None,
) -> tuple[Figure, np.ndarray]:
    """Return a figure of `rows` × `columns` axes, each `height` inches high.

    `height` may differ by row.
    `gap` is the space between columns and between rows. With `legend`, the names
    are listed above the panels as `known` draws them. Axes: object[rows, columns].
    """
    lines = _legend_lines(legend, width)
    top += 0.2 * len(lines) + (0.12 if lines else 0.0)
    heights = [height] * rows if isinstance(height, (int, float)) else list(height)
    total = top + bottom + sum(heights) + (rows - 1) * gap[1]
    figure = Figure(figsize=(width, total))
    each = (width - left - right - (columns - 1) * gap[0]) / columns
    axes = np.empty((rows, columns), dtype=object)
    for row in range(rows):
        for column in range(columns):
            x = left + column * (each + gap[0])
            y = bottom + sum(heights[row + 1 :]) + (rows - 1 - row) * gap[1]
            box = (x / width, y / total, each / width, heights[row] / total)
            axes[row, column] = figure.add_axes(box)
    for number, names in enumerate(lines):
        _legend_line(figure, names, known or {}, 0.16 + 0.2 * number)
    return figure, axes


def _legend_lines(names: Sequence[str], width: float) -> list[list[str]]:
    lines: list[list[str]] = []
    used = math.inf
    for name in names:
        need = LEGEND_GAP + text_width(short(name), 8.5)
        if used + need > width - 0.2:
            lines.append([])
            used = 0.0
        lines[-1].append(name)
        used += need
    return lines


def _legend_line(
    figure: Figure, names: list[str], known: dict[str, Look], down: float
) -> None:
    width, height = figure.get_size_inches()
    x, y = 0.12, 1 - down / height
    for name in names:
        look = known[name]
        figure.add_artist(
            Line2D(
                [x / width, (x + 0.15) / width, (x + 0.3) / width],
                [y, y, y],
                markevery=[1],
                **look.line(),
            )
        )
        figure.text(
            (x + 0.36) / width, y, short(name), va="center_baseline", gid=look.gid()
        )
        x += LEGEND_GAP + text_width(short(name), 8.5)


def unused(axes: Iterable[Axes]) -> None:
    """Remove the panels that have nothing to show."""
    for axis in axes:
        axis.remove()


def point(
    axis: Axes,
    at: tuple[float, float],
    look: Look,
    *,
    x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None,
    **options: Any,
) -> None:
    """Draw a marker with its intervals `x` and `y`, each (low, high) or None."""
    reach = [
        None
        if ends is None
        else [[max(mean - ends[0], 0.0)], [max(ends[1] - mean, 0.0)]]
        for mean, ends in zip(at, (x, y), strict=True)
    ]
    drawn = axis.errorbar(
        *at, xerr=reach[0], yerr=reach[1], color=look.color, marker=look.marker,
        linestyle="none", **options,
    )  # fmt: skip
    for artist in drawn.get_children():
        artist.set_gid(look.gid())


def courses(
    axis: Axes, part: pd.DataFrame, known: dict[str, Look], x: str, scale: float = 1.0
) -> None:
    """Draw mean against `x` for each policy, with the interval low..high as bars."""
    for name in present(part["policy"]):
        line = part[part["policy"] == name].sort_values(x)
        look = known[name]
        reach = [line["mean"] - line["low"], line["high"] - line["mean"]]
        drawn = axis.errorbar(
            line[x], line["mean"] * scale, yerr=np.nan_to_num(reach) * scale,
            elinewidth=0.9, capsize=2, **look.line(),
        )  # fmt: skip
        for artist in drawn.get_children():
            artist.set_gid(look.gid())
