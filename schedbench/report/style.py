"""How every figure looks: one colour, marker and line a policy, and no pyplot.

Colours are Okabe and Ito's colour-blind safe set ("Color Universal Design", 2008)
without its yellow, then two of Paul Tol's "muted" set; the baseline is drawn in ink.
Past nine policies the colours return with another line style; markers never repeat
before the sixteenth. Sizes are inches, so that nothing needs an automatic layout.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

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
SMALL = 7.5

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
    height: float = 2.1,
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

    `gap` is the space between columns and between rows. With `legend`, the names
    are listed above the panels as `known` draws them. Axes: object[rows, columns].
    """
    lines = _legend_lines(legend, width)
    top += 0.2 * len(lines) + (0.12 if lines else 0.0)
    total = top + bottom + rows * height + (rows - 1) * gap[1]
    figure = Figure(figsize=(width, total))
    each = (width - left - right - (columns - 1) * gap[0]) / columns
    axes = np.empty((rows, columns), dtype=object)
    for row in range(rows):
        for column in range(columns):
            x = left + column * (each + gap[0])
            y = bottom + (rows - 1 - row) * (height + gap[1])
            box = (x / width, y / total, each / width, height / total)
            axes[row, column] = figure.add_axes(box)
    for number, names in enumerate(lines):
        _legend_line(figure, names, known or {}, 0.16 + 0.2 * number)
    return figure, axes


def _legend_lines(names: Sequence[str], width: float) -> list[list[str]]:
    lines: list[list[str]] = []
    used = math.inf
    for name in names:
        need = 0.55 + text_width(short(name), 8.5)
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
        x += 0.55 + text_width(short(name), 8.5)


def unused(axes: Iterable[Axes]) -> None:
    """Remove the panels that have nothing to show."""
    for axis in axes:
        axis.remove()


def text_width(text: str, size: float) -> float:
    """Return about how many inches `text` takes at `size` points."""
    return len(text) * size * 0.6 / 72


def short(name: str, limit: int = 30) -> str:
    """Return a name that fits a label."""
    return name if len(name) <= limit else name[: limit - 1] + "…"


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list:
    """Move label positions so that neighbours are `apart`, within low..high."""
    order = np.argsort(np.asarray(wanted), kind="stable")
    placed = np.asarray(wanted, dtype=float)[order]
    for _ in range(60):
        for at in range(1, len(placed)):
            lack = apart - (placed[at] - placed[at - 1])
            if lack > 1e-9:
                placed[at - 1] -= lack / 2
                placed[at] += lack / 2
        placed = np.clip(placed, low, high)
    result = np.empty(len(placed))
    result[order] = placed
    return list(result)


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


def bands(
    axis: Axes, part: pd.DataFrame, known: dict[str, Look], x: str, scale: float = 1.0
) -> None:
    """Draw mean against `x` for each policy, with the band low..high."""
    for name in present(part["policy"]):
        line = part[part["policy"] == name].sort_values(x)
        look = known[name]
        axis.fill_between(
            line[x], line["low"] * scale, line["high"] * scale, color=look.color,
            alpha=0.1, linewidth=0, gid=look.gid(),
        )  # fmt: skip
        axis.plot(line[x], line["mean"] * scale, **look.line())


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Put plain numbers on a logarithmic axis, finer where the range is narrow."""
    steps = (1, 2, 5) if high / low < 100 else (1,)
    ticks = [
        step * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for step in steps
    ]
    near = [tick for tick in ticks if low / 1.6 <= tick <= high * 1.6]
    axis.set_major_locator(FixedLocator(near))
    axis.set_major_formatter(lambda value, _: compact(value))
    axis.set_minor_locator(NullLocator())


def compact(value: float) -> str:
    """Return a tick label: 1.5k, 20M."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def beside(
    points: dict[str, Any], texts: dict[str, str], box: Any
) -> dict[str, tuple[tuple[float, float], str]]:
    """Find room for the names of some of the points of a panel.

    `points` are pixels at 100 an inch, `box` is the panel's (left, bottom, right,
    top). Returns name → (offset in points, horizontal alignment); a name for which
    there is no room is left out.
    """
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points.values()]
    tries = [
        (across, up, side)
        for up in (7.0, -7.0, 0.0, 14.0, -14.0, 22.0, -22.0)
        for across, side in ((7.0, "left"), (-7.0, "right"), (0.0, "center"))
        if across or up
    ]
    found = {}
    for name, text in texts.items():
        wide = text_width(text, SMALL) * 1.12 * 100
        for across, up, side in tries:
            x, y = points[name] + np.array((across, up)) / 0.72
            left = x - {"left": 0.0, "center": wide / 2, "right": wide}[side]
            room = (left, y - 5.5, left + wide, y + 5.5)
            inside = room[0] >= box[0] and room[2] <= box[2] + 12
            inside = inside and room[1] >= box[1] and room[3] <= box[3] + 4
            if inside and not any(_overlap(room, other) for other in taken):
                taken.append(room)
                found[name] = ((across, up), side)
                break
    return found


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def svg(figure: Figure) -> str:
    """Return the figure as SVG text, the same bytes for the same figure."""
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=100
    )
    text = buffer.getvalue()
    return _PATH.sub(_rounded, text[text.index("<svg") :])


def png(figure: Figure) -> bytes:
    """Return the figure as PNG, 160 dots an inch."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None}, dpi=160)
    return buffer.getvalue()


def variables(dark: bool) -> dict[str, str]:
    """Return the CSS variables of the figure colours."""
    return {
        f"c{number}": pair[1 if dark else 0] for number, pair in enumerate(PALETTE, 1)
    }


def key(look: Look) -> str:
    """Return a small inline SVG of a policy's line and marker, for the page."""
    with paper():
        figure = Figure(figsize=(0.44, 0.2))
        figure.patch.set_visible(False)
        line = look.line() | {"gid": None, "markevery": [1]}
        figure.add_artist(Line2D([0.02, 0.5, 0.98], [0.5] * 3, **line))
        text = svg(figure)
    return inline(text, f"key{look.number}").replace(
        'class="plot"', 'class="key" aria-hidden="true"'
    )


_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    CARD: "card",
    **{pair[0]: f"c{number}" for number, pair in enumerate(PALETTE, 1)},
}
_PATH = re.compile(r'(?<= d=")[^"]*')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_COLOUR = re.compile("|".join(_VARIABLES))
_POLICY = re.compile(r'id="policy-(\d+)"')
_ID = re.compile(r'\bid="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)')
_SIZE = re.compile(r'<svg ([^>]*?)width="([\d.]+)pt" height="([\d.]+)pt"')


def _rounded(path: re.Match[str]) -> str:
    """Cut coordinates to hundredths of a point, which halves a long path."""
    return _DECIMALS.sub(r"\1", path[0])


def inline(text: str, prefix: str) -> str:
    """Return SVG text that may stand in a page beside others.

    Ids get a prefix, colours become CSS variables (so that the figure follows light
    and dark), and policies become classes `p0`, `p1`, … that can be hidden.
    """
    text = _POLICY.sub(r'class="p\1"', text)
    text = _ID.sub(rf'id="{prefix}-\1"', text)
    text = _REFERENCE.sub(rf"\1{prefix}-", text)
    text = _SIZE.sub(r'<svg \1width="\2pt" height="\3pt" class="plot"', text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return _COLOUR.sub(lambda hit: f"var(--{_VARIABLES[hit[0]]})", text)
