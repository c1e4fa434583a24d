"""How evenly the load lies on nodes and zones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.timeline import Timeline, quotient

ZONE = "topology.kubernetes.io/zone"


def _counted(timeline: Timeline, resource: str) -> tuple[NDArray, NDArray] | None:
    """Return each row's allocation, and whether its node is there and has any."""
    states = timeline.states
    if resource not in timeline.encoded.resources:
        return None
    row = timeline.encoded.resources.index(resource)
    counted = states.alive & (states.capacity[row] > 0)
    return quotient(states.used[row], states.capacity[row], 0.0), counted


def balance_nodes(timeline: Timeline, resource: str) -> float | None:
    """Return the standard deviation over nodes of the final allocation of a resource.

    Nodes in the cluster at the end that have the resource; None if there are none.
    """
    found = _counted(timeline, resource)
    if found is None:
        return None
    allocation, counted = found
    last = allocation[counted & timeline.states.ends]
    return float(np.std(last)) if len(last) else None


def balance_nodes_mean(timeline: Timeline, resource: str) -> float | None:
    """Return the mean over time of the standard deviation of `balance_nodes`.

    From the running sums of the allocations and their squares, so it is exact to
    about 1e-8.
    """
    found = _counted(timeline, resource)
    if found is None:
        return None
    allocation, counted = found
    nodes = timeline.total(counted)
    mean = quotient(timeline.total(counted * allocation), nodes, np.nan)
    square = quotient(timeline.total(counted * allocation**2), nodes, np.nan)
    return timeline.mean(np.sqrt(np.maximum(square - mean**2, 0.0)))


def balance_zones(timeline: Timeline, resource: str) -> float | None:
    """Return the standard deviation over zones of the final allocation of a resource.

    A zone is what nodes with one `topology.kubernetes.io/zone` label hold together;
    nodes without the label do not count. None with fewer than two zones.
    """
    states, encoded = timeline.states, timeline.encoded
    if resource not in encoded.resources:
        return None
    row = encoded.resources.index(resource)
    labels = [node.metadata.labels.get(ZONE, "") for node in encoded.nodes]
    names, zone_of = np.unique(np.array(labels, dtype=np.str_), return_inverse=True)
    counted = states.ends & states.alive
    zone = zone_of[states.node[counted]]
    used = np.bincount(zone, states.used[row, counted], len(names))
    capacity = np.bincount(zone, states.capacity[row, counted], len(names))
    real = (names != "") & (capacity > 0)
    if np.count_nonzero(real) < 2:
        return None
    return float(np.std(used[real] / capacity[real]))
