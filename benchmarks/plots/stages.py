"""Which stage the suite's time goes to, and which workloads take most."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks.measure import Measured
from benchmarks.plots import look
from benchmarks.results import Results
from benchmarks.suite import SUITE
from schedbench.report import lettering
from schedbench.report.style import CARD, PALETTE, paper

CAPTION = (
    "Seconds of the suite's slowest workloads by stage, and of all others together "
    "divided by their number; all nodes scored, each played once. *Build* makes the "
    "objects, *encode* the columns, *load* reads compiled code, *replay* decides, "
    "*evaluate* computes the metrics and validates the placements."
)
STAGES = ("build", "encode", "load", "replay", "evaluate")
HATCHES = ("", "////", "....", "", "\\\\\\\\")
COLORS = (2, 4, 3, 0, 1)
SHOWN = 20


def draw(results: Results) -> Figure | None:
    """Draw a stacked bar for each of the slowest workloads."""
    found = [
        one
        for one in results.measured
        if (one.study, one.scoring, one.engine) == (SUITE, "all", "auto")
        and one.status == "done"
    ]
    if not found:
        return None
    found.sort(key=lambda one: -one.seconds)
    slowest, rest = found[:SHOWN], found[SHOWN:]
    names = [lettering.short(one.name, 84) for one in slowest]
    rows = [_stages(one) for one in slowest]
    if rest:
        names.append(f"mean of the other {len(rest)}")
        rows.append(
            [sum(row) / len(rest) for row in zip(*map(_stages, rest), strict=True)]
        )
    with paper():
        figure, axis = look.one_panel(0.19 * len(rows) + 0.1, left=5.0)
        start, handles = [0.0] * len(rows), []
        for stage, name in enumerate(STAGES):
            seconds = [row[stage] for row in rows]
            bars = axis.barh(
                range(len(rows)), seconds, 0.72, left=start, label=name,
                color=PALETTE[COLORS[stage]][0], hatch=HATCHES[stage], edgecolor=CARD,
                linewidth=0.4,
            )  # fmt: skip
            handles.append(bars)
            start = [a + b for a, b in zip(start, seconds, strict=True)]
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.set_yticks(range(len(rows)), names)
        axis.tick_params(axis="y", length=0, labelsize=7)
        axis.set_xlabel("Wall-clock time (s)")
        axis.grid(visible=False, axis="y")
        look.legend_above(axis, handles)
    return figure


def _stages(one: Measured) -> list[float]:
    return [one.stages.get(name, 0.0) for name in STAGES]
