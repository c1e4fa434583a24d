"""What forest plots share: a row a policy, a marker with its reach, a line at zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report import lettering, style


def panels(
    names: Sequence[str], count: int, known: dict[str, style.Look]
) -> tuple[Figure, np.ndarray]:
    """Return a figure of `count` panels beside each other, the first with the names.

    Axes: object[1, count].
    """
    left = 0.3 + max(lettering.text_width(lettering.short(name), 8.5) for name in names)
    figure, axes = style.panels(
        1, count, height=0.3 * len(names) + 0.2, left=left, gap=(0.3, 0), top=0.7,
        bottom=0.6,
    )  # fmt: skip
    for axis in axes[0]:
        axis.set_yticks(range(len(names)), [])
    axes[0, 0].set_yticks(range(len(names)), [lettering.short(name) for name in names])
    for tick, name in zip(axes[0, 0].get_yticklabels(), names, strict=True):
        tick.set_gid(known[name].gid())
    return figure, axes


def mark(
    axis: Axes,
    at: tuple[float, float],
    reach: tuple[float, float],
    look: style.Look,
    *,
    filled: bool,
) -> None:
    """Draw one policy's marker and bar; hollow if not `filled`."""
    style.point(
        axis, at, look, x=reach, markersize=4.5, elinewidth=1.4, capsize=2.5,
        markerfacecolor=look.color if filled else style.CARD,
    )  # fmt: skip


def rows_about_zero(axis: Axes, rows: int) -> None:
    """Put the line at zero, the first row at the top, few ticks below."""
    axis.axvline(0, color=style.INK, linewidth=1, zorder=1)
    axis.set_ylim(rows - 0.5, -0.5)
    axis.margins(x=0.12)
    axis.locator_params(axis="x", nbins=4)
