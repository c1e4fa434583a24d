"""The plots, one file each, in the order of the page.

A plot module has a docstring (its caption), `NAME`, `TITLE`, `NEEDS` (what a run
must have for it, told where it has not),
`data(results) -> DataFrame | None` (None: this run has nothing to show) and
`draw(frame) -> Figure`. It may add `EACH_SCENARIO = True` (drawn once a scenario, in
its section), `SECTION` (where else than in the overview it stands), `WALL_CLOCK =
(columns…)` (those measured on this machine, which the page keeps apart) and
`table(frame) -> DataFrame` (what the page lists, when the frame itself is too long).
"""

from __future__ import annotations

PLOTS = {
    "ranks": "schedbench.report.plots.ranks",
    "profiles": "schedbench.report.plots.profiles",
    "rank_shares": "schedbench.report.plots.rank_shares",
    "pareto": "schedbench.report.plots.pareto",
    "differences": "schedbench.report.plots.differences",
    "regret": "schedbench.report.plots.regret",
    "gpu_workloads": "schedbench.report.plots.gpu_workloads",
    "gpu_allocation_curve": "schedbench.report.plots.gpu_allocation_curve",
    "gpu_fragmentation_curve": "schedbench.report.plots.gpu_fragmentation_curve",
    "allocation": "schedbench.report.plots.allocation",
    "pending": "schedbench.report.plots.pending",
    "node_fill": "schedbench.report.plots.node_fill",
    "rejections": "schedbench.report.plots.rejections",
    "sensitivity": "schedbench.report.plots.sensitivity",
    "pod_startup": "schedbench.report.plots.pod_startup",
    "hop_breakdown": "schedbench.report.plots.hop_breakdown",
    "startup_throughput": "schedbench.report.plots.startup_throughput",
    "fault_recovery": "schedbench.report.plots.fault_recovery",
    "api_latency": "schedbench.report.plots.api_latency",
    "autoscaling": "schedbench.report.plots.autoscaling",
    "control_plane_load": "schedbench.report.plots.control_plane_load",
    "saturation": "schedbench.report.plots.saturation",
    "latency": "schedbench.report.plots.latency",
    "scaling": "schedbench.report.plots.scaling",
}
