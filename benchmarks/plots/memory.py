"""Peak memory of clusters of growing size."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmarks import studies
from benchmarks.plots import look
from benchmarks.results import Results
from benchmarks.targets import MANY
from schedbench.report import lettering
from schedbench.report.style import INK, paper

CAPTION = (
    "Highest resident memory of a process that builds, encodes and replays one "
    "cluster, Python and compiled code included; each size in a process of its own, "
    "engine auto."
)
LIMIT = 2 * 2**30


def draw(results: Results) -> Figure | None:
    """Draw peak memory against nodes, and the largest figure."""
    found = [
        one
        for one in results.measured
        if (one.study, one.engine, one.status) == (studies.NODES, "auto", "done")
    ]
    if not found:
        return None
    each = round(found[0].pods / found[0].nodes)
    with paper():
        figure, axis = look.one_panel(2.6)
        handles = axis.plot(
            [one.nodes for one in found],
            [one.peak_rss_bytes / 2**30 for one in found],
            label=f"1 class, {each} pods for each node", **look.AUTO,
        )  # fmt: skip
        for one in results.measured:
            if (one.name, one.status) == (MANY, "done"):
                handles += axis.plot(
                    [one.nodes], [one.peak_rss_bytes / 2**30], color=look.GREEN,
                    marker="^", linestyle="none", markersize=7,
                    label=f"{one.pods:,} pods of {one.classes:,} classes",
                )  # fmt: skip
        limit = axis.axhline(
            LIMIT / 2**30, color=INK, linewidth=1.0, label="limit of the largest"
        )
        axis.set_xscale("log")
        sizes = sorted({one.nodes for one in found})
        axis.set_xticks(sizes, [lettering.compact(size) for size in sizes])
        axis.minorticks_off()
        axis.set_ylim(0, None)
        axis.set_xlabel("Nodes in the cluster (logarithmic)")
        axis.set_ylabel("Peak memory (GiB)")
        look.legend_above(axis, [*handles, limit])
    return figure
