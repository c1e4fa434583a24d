"""Decisions per second of every workload, case by case, beside the goal."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.measure import Measured
from benchmarks.plots import look
from benchmarks.results import Results
from benchmarks.suite import FACTOR, SUITE
from benchmarks.targets import CASES, REAL
from schedbench.report import lettering
from schedbench.report.style import INK, MUTED, paper

CAPTION = (
    "Every scheduler_perf workload labelled `performance`, one row a case, one mark a "
    "workload; each was played once. A decision is a scheduling call, successful or "
    "not; time is that of scheduling calls. The tick is a thousand times upstream's "
    "threshold for the case, the lowest if workloads differ; crosses are the real "
    "kube-scheduler's algorithm alone, where it was measured, on both cores: left with "
    "all nodes scored, right with adaptive sampling."
)
ROW = 0.165
HEADING = 0.9
"""Rows that the name of a folder takes."""


def draw(results: Results) -> Figure | None:
    """Draw a row a case, grouped by upstream's folders."""
    found = [
        one
        for one in results.measured
        if (one.study, one.engine) == (SUITE, "auto") and one.decisions_per_second
    ]
    if not found:
        return None
    topics: dict[str, dict[str, list[Measured]]] = {}
    for one in found:
        case = one.name.partition("/")[0]
        topics.setdefault(one.topic, {}).setdefault(case, []).append(one)
    places, headings, at = {}, {}, 0.0
    for topic, cases in topics.items():
        headings[topic] = at
        at += HEADING
        for case in sorted(cases, key=lambda case: -_level(cases[case])):
            places[topic, case] = at
            at += 1.0
        at += 0.35
    with paper():
        figure, axis = look.one_panel(at * ROW, left=3.35)
        axis.set_ylim(at - 0.2, -0.6)
        axis.set_xscale("log")
        for (topic, case), y in places.items():
            _row(axis, y, topics[topic][case], _real(case))
        _letters(axis, places, headings)
        low, high = axis.get_xlim()
        lettering.log_ticks(axis.xaxis, low, high)
        axis.set_xlim(low, high)
        axis.set_xlabel("Decisions a second (1/s, logarithmic)")
        axis.grid(visible=False, axis="y")
        look.legend_above(axis, _legend())
    return figure


def _level(part: list[Measured]) -> float:
    return statistics.median(one.decisions_per_second or 0.0 for one in part)


def _row(axis: Axes, y: float, part: list[Measured], real: tuple[float, ...]) -> None:
    for scoring, kind, up in (
        ("all", look.ALL, -0.17),
        ("adaptive", look.SAMPLED, 0.17),
    ):
        speeds = [
            one.decisions_per_second or 0.0 for one in part if one.scoring == scoring
        ]
        axis.plot(speeds, [y + up] * len(speeds), markersize=4, alpha=0.85, **kind)
    goals = [one.goal for one in part if one.goal]
    if goals:
        axis.plot([min(goals)], [y], zorder=1, **look.GOAL)
    axis.plot(real, [y] * len(real), **look.REAL)


def _letters(
    axis: Axes, places: Mapping[tuple[str, str], float], headings: Mapping[str, float]
) -> None:
    axis.set_yticks(
        list(places.values()), [lettering.short(case, 58) for _, case in places]
    )
    axis.tick_params(axis="y", length=0, labelsize=7.5)
    for topic, y in headings.items():
        axis.annotate(
            topic.replace("_", " "), (0, y), xycoords=("figure fraction", "data"),
            xytext=(6, 0), textcoords="offset points", va="center", fontsize=8,
            fontweight="bold", color=INK, annotation_clip=False,
        )  # fmt: skip
        axis.axhline(y, color=MUTED, linewidth=0.4)


def _real(case: str) -> tuple[float, ...]:
    """Return what the real kube-scheduler decides a second of a case's pods."""
    for kind, (workload, _) in CASES.items():
        if workload.partition("/")[0] == case and kind in REAL:
            return REAL[kind]
    return REAL["preemption"] if case == "PreemptionBasic" else ()


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], label=label, **kind)
        for label, kind in (
            ("all nodes scored", look.ALL),
            ("adaptive sampling", look.SAMPLED),
            (f"goal: {FACTOR:,} × upstream's threshold", look.GOAL),
            ("real kube-scheduler", look.REAL),
        )
    ]
