"""How the cost of a decision grows with nodes, classes, and pods on the nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import studies
from benchmarks.measure import Measured
from benchmarks.plots import look
from benchmarks.results import Results
from schedbench.report import lettering
from schedbench.report.style import INK, MUTED, paper

SHARED = (
    "All nodes scored, medians of the replays; bars reach from the fastest to the "
    "slowest. "
)
NODES = (
    "SchedulingBasic's nodes and pods of one class, with the same number of pods for "
    "each node at every size. Dotted: the power law fitted by least squares to the "
    "logarithms; grey: the steepest one that is within the goal, through the first "
    "point. A scan gets only the first pods of the larger clusters. " + SHARED
)
CLASSES = (
    "The same number of pods and nodes, in more and more classes that differ in their "
    "requests; classes come in turns. Ticks are the figures to reach. " + SHARED
)
PODS = (
    "Nodes with more and more small pods on them before the first decision. " + SHARED
)
GOAL_EXPONENT = 0.3


def nodes(results: Results) -> Figure | None:
    """Draw cost against nodes, both logarithmic, with the fitted exponents."""
    found = _of(results, studies.NODES)
    if not found:
        return None
    with paper():
        figure, axis = look.one_panel(3.4)
        axis.set_xscale("log")
        handles = []
        for engine, part in found.items():
            law = studies.growth(part, engine)
            label = f"engine {engine}"
            if law is not None:
                label += f": grows as nodes^{law.exponent:.2f}"
            sizes = [one.nodes for one in part]
            handles.append(_line(axis, sizes, part, engine, label))
            if law is not None:
                ends = np.array([min(sizes), max(sizes)])
                axis.plot(
                    ends, [law.at(size) for size in ends], linestyle=":", linewidth=1.2,
                    color=look.ENGINES[engine]["color"],
                )  # fmt: skip
        handles += _limit(axis, found.get("auto", []))
        axis.set_xlabel("Nodes in the cluster (logarithmic)")
        sizes = sorted({one.nodes for part in found.values() for one in part})
        _finish(axis, sizes, handles)
    return figure


def classes(results: Results) -> Figure | None:
    """Draw cost against classes, both logarithmic."""
    found = _of(results, studies.CLASSES)
    if not found:
        return None
    with paper():
        figure, axis = look.one_panel(2.8)
        axis.set_xscale("log")
        handles = []
        for engine, part in found.items():
            sizes = [one.classes for one in part]
            handles.append(_line(axis, sizes, part, engine, f"engine {engine}"))
        sizes = sorted({one.classes for part in found.values() for one in part})
        goals = {1: 4e6, 50: 6e5, sizes[-1]: 1e5}
        handles += axis.plot(
            [size for size in goals if size in sizes],
            [1e6 / goal for size, goal in goals.items() if size in sizes],
            label="to reach", **(look.GOAL | {"marker": "_"}),
        )  # fmt: skip
        axis.set_xlabel("Classes of pods (logarithmic); rightmost, each pod its own")
        _finish(axis, sizes, handles)
    return figure


def pods(results: Results) -> Figure | None:
    """Draw cost against pods on each node."""
    found = _of(results, studies.PODS)
    if not found:
        return None
    with paper():
        figure, axis = look.one_panel(2.6)
        handles = []
        for engine, part in found.items():
            sizes = [int(one.name.split()[0]) for one in part]
            handles.append(_line(axis, sizes, part, engine, f"engine {engine}"))
        axis.set_xlabel("Pods on each node before the first decision")
        _finish(axis, sizes, handles)
    return figure


def _of(results: Results, study: str) -> dict[str, list[Measured]]:
    """Return the measurements of a study by engine, in the order of the legend."""
    found = {
        engine: [
            one
            for one in results.measured
            if (one.study, one.engine) == (study, engine) and one.decision_us
        ]
        for engine in look.ENGINES
    }
    return {engine: part for engine, part in found.items() if part}


def _line(
    axis: Axes, sizes: list[int], part: list[Measured], engine: str, label: str
) -> Any:
    cost = np.array([one.decision_us for one in part])
    best = np.array([1e6 / max(one.rates) for one in part])
    worst = np.array([1e6 / min(one.rates) for one in part])
    return axis.errorbar(
        sizes, cost, yerr=[cost - best, worst - cost], label=label, elinewidth=0.9,
        capsize=2.5, markersize=5, **look.ENGINES[engine],
    )  # fmt: skip


def _limit(axis: Axes, part: list[Measured]) -> list[Any]:
    """Draw the growth that is allowed, from the smallest cluster's cost on."""
    if len(part) < 2:
        return []
    sizes = np.array([part[0].nodes, part[-1].nodes])
    allowed = (part[0].decision_us or 0.0) * (sizes / sizes[0]) ** GOAL_EXPONENT
    return axis.plot(
        sizes, allowed, color=MUTED, linewidth=1.0,
        label=f"goal: nodes^{GOAL_EXPONENT:g}",
    )  # fmt: skip


def _finish(axis: Axes, sizes: list[int], handles: list[Any]) -> None:
    axis.set_yscale("log")
    axis.set_ylabel("One decision (µs, logarithmic)", color=INK)
    axis.set_xticks(sizes, [lettering.compact(size) for size in sizes])
    axis.minorticks_off()
    low, high = axis.get_ylim()
    lettering.log_ticks(axis.yaxis, low, high)
    axis.set_ylim(low, high)
    look.legend_above(axis, handles)
