"""Why nodes were rejected, counted by the first plugin that rejects each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.jit import kernel
from schedbench.plugins.gpu_share import SHARE_REASON
from schedbench.plugins.node_ports import REASON as PORTS_REASON
from schedbench.plugins.node_resources_fit import short_of
from schedbench.scheduler.cycle import Compiled
from schedbench.simulation.record import Rejection

if TYPE_CHECKING:
    from schedbench.scheduler.session import Session

MOST_STATIC_REASONS = 1024


def make_counts(resources: int) -> NDArray[np.int64]:
    """Return zeroed counts: static reasons, host ports, resources, GPU shares."""
    return np.zeros(MOST_STATIC_REASONS + 1 + resources + 1, dtype=np.int64)


@kernel
def count_rejections(
    state: ClusterState,
    compiled: Compiled,
    pod_class: int,
    bad: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Add one for each reason of the first plugin that rejects each node.

    A node that lacks several resources counts for each of them, as in the text of
    upstream's FitError.
    """
    classes = compiled.classes
    reason = compiled.static.reason[classes.static_row[pod_class]]
    ports_at = MOST_STATIC_REASONS
    first = classes.conflict_start[pod_class]
    last = classes.conflict_start[pod_class + 1]
    resources = classes.request.shape[1]
    for node in range(bad.size):
        if bad[node] >= 0 or not state.alive[node]:
            continue
        if reason[node] > 0:
            counts[np.minimum(reason[node], MOST_STATIC_REASONS) - 1] += 1
            continue
        blocked = False
        if compiled.switches.ports:
            for index in range(first, last):
                if state.port_used[classes.conflicts[index], node] > 0:
                    blocked = True
        if blocked:
            counts[ports_at] += 1
            continue
        if compiled.switches.resources:
            for index in range(
                classes.fit_start[pod_class], classes.fit_start[pod_class + 1]
            ):
                resource = classes.fit_rows[index]
                free = state.allocatable[resource, node]
                free -= state.requested[resource, node]
                if classes.request[pod_class, resource] > free:
                    counts[ports_at + 1 + resource] += 1
                    blocked = True
        if not blocked:
            counts[ports_at + 1 + resources] += 1


def read_counts(counts: NDArray[np.int64], session: Session) -> Sequence[Rejection]:
    """Return the counted reasons by name, most nodes first."""
    resources = session.encoded.resources
    named = [
        (plugin, reason, int(counts[index]))
        for index, (plugin, reason) in enumerate(session.statics.reasons)
        if index < MOST_STATIC_REASONS
    ]
    others = counts[MOST_STATIC_REASONS:]
    named.append(("NodePorts", PORTS_REASON, int(others[0])))
    named += [
        ("NodeResourcesFit", short_of(name), int(others[1 + row]))
        for row, name in enumerate(resources)
    ]
    named.append(("GpuShare", SHARE_REASON, int(others[-1])))
    found = [Rejection(*entry) for entry in named if entry[2] > 0]
    return sorted(found, key=lambda r: (-r.nodes, r.plugin, r.reason))
