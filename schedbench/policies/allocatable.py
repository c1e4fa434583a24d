"""allocatable: the smallest nodes first, whatever runs on them.

Source: kubernetes-sigs/scheduler-plugins pkg/noderesources (NodeResourcesAllocatable):
the sum of allocatable × weight, by default 1 << 20 a millicore and 1 a byte, is
scored down (mode Least) or up (Most), then normalized to 0..100 over feasible nodes.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, MEMORY, ClusterState, Pod
from schedbench.errors import UnknownNameError
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "allocatable"
SUMMARY = "The node with the least allocatable resources (NodeResourcesAllocatable)."
CPU_WEIGHT, MEMORY_WEIGHT = 1 << 20, 1
MODES = {"Least": -1, "Most": 1}


def make(mode: str = "Least", ties: str = "random") -> Policy:
    """Return the policy.

    Parameters
    ----------
    mode
        `Least` or `Most`.

    Raises
    ------
    UnknownNameError
        If it is neither.
    """
    if mode not in MODES:
        raise UnknownNameError(f"mode of policy {NAME}", mode, MODES)
    place = functools.partial(score, sign=MODES[mode])
    profile = Profile(NAME, tie=Tie[ties.upper()])
    return Policy(NAME, SUMMARY, profile, vectorized=place)


def score(
    cluster: ClusterState, pod: Pod, feasible: NDArray[np.bool_], sign: int = -1
) -> NDArray[np.float64]:
    """Return the normalized score, whole numbers of 0..100, float64[N]."""
    offered = cluster.allocatable
    weighed = offered[CPU] * CPU_WEIGHT + offered[MEMORY] * MEMORY_WEIGHT
    raw = sign * (weighed // (CPU_WEIGHT + MEMORY_WEIGHT))
    among = raw[feasible]
    if not len(among) or among.max() == among.min():
        return np.zeros(len(feasible))
    low, high = int(among.min()), int(among.max())
    return np.asarray((raw - low) * 100 // (high - low), dtype=np.float64)
