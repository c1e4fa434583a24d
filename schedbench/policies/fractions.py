"""Requests and room as fractions of the largest node, for policies in plain numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    CPU,
    FIRST_EXTENDED,
    MEMORY,
    ClusterState,
    Pod,
)


class Fractions(NamedTuple):
    """`M` resources (cpu, memory, extended ones, GPU milli) over `N` nodes.

    Attributes
    ----------
    free, used, capacity : float64[M, N]
        Of each node, as fractions of the largest capacity; 0 where no node has any.
    asked : float64[M]
        What the pod requests, likewise.
    """

    free: NDArray[np.float64]
    used: NDArray[np.float64]
    capacity: NDArray[np.float64]
    asked: NDArray[np.float64]


def fractions(cluster: ClusterState, pod: Pod) -> Fractions:
    """Return room and requests as fractions."""
    rows = [CPU, MEMORY, *range(FIRST_EXTENDED, len(cluster.allocatable))]
    has_device = cluster.gpu_free >= 0
    devices = 1000 * has_device.sum(axis=0)
    idle = np.where(has_device, cluster.gpu_free, 0).sum(axis=0)
    capacity = np.vstack([cluster.allocatable[rows], devices]).astype(np.float64)
    used = np.vstack([cluster.requested[rows], devices - idle]).astype(np.float64)
    asked = np.append(pod.request[rows], pod.gpu_count * pod.gpu_milli)
    largest = capacity.max(axis=1, initial=0.0)
    scale = np.divide(1.0, largest, out=np.zeros_like(largest), where=largest > 0)
    capacity, used = capacity * scale[:, None], used * scale[:, None]
    return Fractions(capacity - used, used, capacity, asked * scale)
