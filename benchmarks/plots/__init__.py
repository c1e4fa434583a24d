"""The plots of a run, one concern a file; all times are wall-clock times."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from benchmarks.plots import engines, growth, memory, stages, workloads
from benchmarks.results import Results


class Plot(NamedTuple):
    """A plot of the page: its file's name, its heading, its caption, and who draws it.

    `draw` returns None where nothing was measured.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Results], Figure | None]


PLOTS = (
    Plot("workloads", "Decisions per second", workloads.CAPTION, workloads.draw),
    Plot("nodes", "Cost of a decision against nodes", growth.NODES, growth.nodes),
    Plot(
        "classes", "Cost of a decision against classes", growth.CLASSES, growth.classes
    ),
    Plot(
        "pods-per-node", "Cost of a decision against pods a node", growth.PODS,
        growth.pods,
    ),
    Plot("engines", "Whether auto chooses well", engines.CAPTION, engines.draw),
    Plot("stages", "Where the time goes", stages.CAPTION, stages.draw),
    Plot("memory", "Memory", memory.CAPTION, memory.draw),
)  # fmt: skip
