"""How much of the cluster's capacity the pods' requests take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.timeline import Step, Timeline, quotient, remembered


def gpu_columns(timeline: Timeline) -> tuple[NDArray, NDArray] | None:
    """Return GPU used and capacity for each row of `states`, None without GPUs.

    Shared devices in milli-GPU; in a cluster without any, the counts of the extended
    resources whose name ends in `/gpu`.
    """
    states = timeline.states
    if states.gpu_capacity.any():
        return states.gpu_used, states.gpu_capacity
    rows = [
        row
        for row, name in enumerate(timeline.encoded.resources)
        if name.endswith("/gpu")
    ]
    if not rows or not states.capacity[rows].any():
        return None
    return states.used[rows].sum(axis=0), states.capacity[rows].sum(axis=0)


@remembered
def allocation(timeline: Timeline, resource: str) -> Step | None:
    """Return the step of requested ÷ allocatable of a resource over the cluster.

    None if no node ever has the resource. `gpu` means `gpu_columns`.
    """
    states = timeline.states
    if resource == "gpu":
        columns = gpu_columns(timeline)
        return None if columns is None else timeline.share(*columns)
    if resource not in timeline.encoded.resources:
        return None
    row = timeline.encoded.resources.index(resource)
    if not states.capacity[row].any():
        return None
    return timeline.share(states.used[row], states.capacity[row])


def allocation_mean(timeline: Timeline, resource: str) -> float | None:
    """Return the mean over time of the allocation of a resource, a fraction."""
    step = allocation(timeline, resource)
    return None if step is None else timeline.mean(step)


def allocation_final(timeline: Timeline, resource: str) -> float | None:
    """Return the allocation of a resource at the end of the run, a fraction."""
    step = allocation(timeline, resource)
    return None if step is None else timeline.final(step)


@remembered
def dominant(timeline: Timeline) -> NDArray[np.float64]:
    """Return each node's largest allocation over all resources, float64[row], 0..1."""
    states = timeline.states
    largest = np.zeros(len(states.node))
    columns = list(zip(states.used, states.capacity, strict=True))
    if states.gpu_capacity.any():
        columns.append((states.gpu_used, states.gpu_capacity))
    for used, capacity in columns:
        np.maximum(largest, quotient(used, capacity, 0.0), out=largest)
    return np.minimum(largest, 1.0)
