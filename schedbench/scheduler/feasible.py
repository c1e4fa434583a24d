"""Which nodes a pod may go to: all filters of a profile, over a range of nodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    ClusterState,
    PodClasses,
    StaticTable,
)
from schedbench.jit import by_reference, kernel
from schedbench.plugins.gpu_share import gpus_fit
from schedbench.plugins.inter_pod_affinity import inter_pod_fits
from schedbench.plugins.node_ports import ports_free
from schedbench.plugins.node_resources_fit import resources_fit
from schedbench.plugins.pod_topology_spread import spread_fits


@by_reference
class FilterSwitches(NamedTuple):
    """Which filters of scope `node` are on.

    Static ones are in the static table; domain ones have no terms if they are off.
    """

    ports: bool
    resources: bool
    gpus: bool


@kernel
def mark_infeasible(
    state: ClusterState,
    classes: PodClasses,
    static: StaticTable,
    switches: FilterSwitches,
    pod_class: int,
    low: int,
    high: int,
    bad: NDArray[np.int64],
) -> None:
    """Set `bad[i]` negative if node `low + i` is infeasible, else not negative.

    Signs are ORed instead of flags compared: one int64 operation a resource and
    node, which LLVM vectorizes.
    """
    reason = static.reason[classes.static_row[pod_class], low:high]
    alive = state.alive[low:high]
    for i in range(bad.size):
        bad[i] = np.int64(alive[i]) - 1 - np.int64(reason[i])
    if switches.ports:
        ports_free(state, classes, pod_class, low, high, bad)
    if switches.resources:
        resources_fit(state, classes, pod_class, low, high, bad)
    if switches.gpus:
        gpus_fit(state, classes, pod_class, low, high, bad)
    spread_fits(state, classes.spread.hard, pod_class, low, high, bad)
    inter_pod_fits(state, classes.inter_pod, pod_class, low, high, bad)
