"""How quality changes with the size of the cluster.

Means over seeds with 95 % intervals; counts are shares of all pods or nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from schedbench.metrics.table import METRICS
from schedbench.report import comparison, lettering, style, views

if TYPE_CHECKING:
    from schedbench.experiment.store import Results

NAME = "sensitivity"
NEEDS = "a scenario at two sizes or more"
TITLE = "Sensitivity to cluster size"
COLUMNS = 3
MOST = 12
WHOLES = {"pods", "nodes"}
ENDS = ["mean", "low", "high"]


def data(results: Results) -> pd.DataFrame | None:
    """Return a row for each scenario of two sizes or more, size, metric, policy."""
    from schedbench.experiment.statistics import summarize

    compared = comparison.of(results)
    everything = views.groups(results)
    parts = []
    for scenario in views.scenarios(results):
        sizes = [group for group in everything if group.scenario == scenario]
        if len({group.nodes for group in sizes}) < 2:
            continue
        for metric in views.headline(results, sizes[-1])[:COLUMNS]:
            for group in sizes:
                here = _shares(compared.cells(group), metric)
                found = summarize(here, metric)
                found[ENDS] *= _percent(metric)
                parts.append(found.assign(metric=metric, nodes=group.nodes))
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    order = [
        "scenario",
        "metric",
        "size",
        "nodes",
        "policy",
        "mean",
        "low",
        "high",
        "n",
    ]
    return frame[order]


def _shares(cells: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Turn counts into shares of all pods or nodes."""
    whole = METRICS[metric].unit
    if whole in WHOLES:
        return cells.assign(**{metric: cells[metric] / cells[whole]})
    return cells


def _percent(metric: str) -> float:
    return 100.0 if METRICS[metric].unit in WHOLES else views.scale(metric)


def _label(metric: str) -> str:
    whole = METRICS[metric].unit
    if whole in WHOLES:
        return f"{views.title(metric)} (% of {whole})"
    return views.axis(metric)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw a row a scenario, a panel a metric."""
    known = style.looks(frame["policy"])
    each = list(dict.fromkeys(zip(frame["scenario"], frame["metric"], strict=True)))[
        :MOST
    ]
    columns = min(COLUMNS, len(each))
    rows = -(-len(each) // columns)
    figure, axes = style.panels(
        rows, columns, height=2.5, gap=(0.85, 0.8),
        legend=style.present(frame["policy"]), known=known,
    )  # fmt: skip
    for axis, (scenario, metric) in zip(axes.flat, each, strict=False):
        part = frame[(frame["scenario"] == scenario) & (frame["metric"] == metric)]
        style.courses(axis, part, known, x="nodes")
        axis.set_xscale("log")
        sizes = sorted(part["nodes"].unique())
        axis.set_xticks(sizes, [lettering.compact(size) for size in sizes])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(lambda value, _: lettering.compact(value))
        axis.set_xlabel("Nodes in the cluster")
        axis.set_ylabel(f"{_label(metric)} {views.arrow(metric)}")
        axis.set_title(lettering.short(str(scenario), 40))
    style.unused(axes.flat[len(each) :])
    return figure
