"""How evenly the load lies on nodes and zones."""

from __future__ import annotations

import numpy as np

from schedbench.metrics.timeline import Timeline

ZONE = "topology.kubernetes.io/zone"


def balance_nodes(timeline: Timeline, resource: str) -> float | None:
    """Return the standard deviation over nodes of the final allocation of a resource.

    Nodes in the cluster at the end that have the resource; None if there are none.
    """
    states = timeline.states
    if resource not in timeline.encoded.resources:
        return None
    row = timeline.encoded.resources.index(resource)
    counted = states.ends & states.alive & (states.capacity[row] > 0)
    if not counted.any():
        return None
    return float(np.std(states.used[row, counted] / states.capacity[row, counted]))


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
