"""Whether `auto` is as fast as the better of the other two engines."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks import studies
from benchmarks.plots import look
from benchmarks.results import Results
from schedbench.report import lettering
from schedbench.report.style import INK, paper

CAPTION = (
    "Time of a decision by each engine ÷ that of the better of `scan` and `indexed`, "
    "the fastest of the replays of each; left of the line at 1.1 is where `auto` is "
    "to be. All nodes scored."
)
KINDS: dict[str, dict[str, Any]] = {
    "auto": {"color": look.BLUE, "marker": "o"},
    "scan": {"color": look.VERMILION, "marker": "s", "markerfacecolor": "none"},
    "indexed": {"color": look.GREEN, "marker": "^", "markerfacecolor": "none"},
}
ALLOWED = 1.1


def draw(results: Results) -> Figure | None:
    """Draw a row for each point of classes × nodes × churn."""
    found = studies.choices(results.measured)
    if not found:
        return None
    with paper():
        figure, axis = look.one_panel(0.17 * len(found) + 0.1, left=4.1)
        for y, choice in enumerate(found):
            best = min(choice.scan, choice.indexed)
            for engine in ("scan", "indexed", "auto"):
                axis.plot(
                    [getattr(choice, engine) / best], [y], linestyle="none",
                    markersize=5, **KINDS[engine],
                )  # fmt: skip
        axis.axvline(ALLOWED, color=INK, linewidth=1.0)
        axis.set_ylim(len(found) - 0.4, -0.6)
        axis.set_yticks(range(len(found)), [choice.name for choice in found])
        axis.tick_params(axis="y", length=0, labelsize=7.5)
        axis.set_xscale("log")
        low, high = axis.get_xlim()
        lettering.log_ticks(axis.xaxis, low, high)
        axis.set_xlim(low, high)
        axis.set_xlabel("Time of a decision ÷ the better engine's (logarithmic)")
        axis.grid(visible=False, axis="y")
        handles = [
            Line2D([], [], linestyle="none", label=engine, **kind)
            for engine, kind in KINDS.items()
        ]
        handles.append(
            Line2D([], [], color=INK, linewidth=1.0, label=f"{ALLOWED:g}: auto's limit")
        )
        look.legend_above(axis, handles)
    return figure
