"""How these plots look: engines, ways to score, goals, the real kube-scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from schedbench.report.style import CARD, INK, MUTED, PALETTE, WIDTH

BLUE, VERMILION, GREEN, PINK = (PALETTE[index][0] for index in range(4))
AUTO: dict[str, Any] = {"color": BLUE, "marker": "o", "linestyle": "-"}
SCAN: dict[str, Any] = {"color": VERMILION, "marker": "s", "linestyle": (0, (5, 2))}
ENGINES = {"auto": AUTO, "scan": SCAN}
ALL: dict[str, Any] = {
    "color": BLUE, "marker": "o", "markerfacecolor": BLUE, "linestyle": "none",
}  # fmt: skip
SAMPLED: dict[str, Any] = {
    "color": VERMILION, "marker": "D", "markerfacecolor": CARD, "linestyle": "none",
}  # fmt: skip
GOAL: dict[str, Any] = {
    "color": INK, "marker": "|", "linestyle": "none", "markersize": 10,
    "markeredgewidth": 1.8,
}  # fmt: skip
REAL: dict[str, Any] = {
    "color": MUTED, "marker": "x", "linestyle": "none", "markersize": 5.5,
    "markeredgewidth": 1.4,
}  # fmt: skip


def one_panel(
    height: float, *, left: float = 0.8, top: float = 0.5
) -> tuple[Figure, Axes]:
    """Return a figure with one panel, with room for a legend above it."""
    bottom, right = 0.6, 0.3
    total = top + height + bottom
    figure = Figure(figsize=(WIDTH, total))
    box = (
        left / WIDTH,
        bottom / total,
        (WIDTH - left - right) / WIDTH,
        height / total,
    )
    return figure, figure.add_axes(box)


def legend_above(axis: Axes, handles: Sequence[Any]) -> None:
    """Put the legend in one line above the only panel, from the figure's left end."""
    figure = axis.get_figure(root=True)
    assert figure is not None
    box = axis.get_position()
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, box.y1),
        ncols=len(handles), borderaxespad=0.3, columnspacing=1.6, handletextpad=0.6,
    )  # fmt: skip
