"""min-cost-flow: the waiting pods are assigned to nodes together, at least cost.

Source: Isard et al., "Quincy: Fair Scheduling for Distributed Computing Clusters" (SOSP
2009) and Gog et al., "Firmament: Fast, Centralized Cluster Scheduling at Scale" (OSDI
2016): scheduling as a flow from pods to machines. As in Firmament's cpu-memory model an
arc costs the load of the machine with the pod on it, plus how unevenly its resources
are then loaded, and a machine takes one pod a round. A flow of one unit from each pod
to nodes of capacity 1 is an assignment, solved by scipy.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.policies.fractions import fractions
from schedbench.policies.tetris import pod_of
from schedbench.scheduler.profile import Profile, Tie

NAME = "min-cost-flow"
SUMMARY = "Waiting pods are assigned to nodes together, at least cost (Firmament)."
NO_ARC = 1e6


def make(window: int = 256) -> Policy:
    """Return the policy.

    Parameters
    ----------
    window
        How many pods at the head of the queue are assigned together.

    Raises
    ------
    InputError
        If it is below 1.
    """
    if window < 1:
        raise InputError("window is below 1", where=f"policy {NAME}", value=window)
    plan = functools.partial(place, window=window)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=plan)


def place(cluster: ClusterState, pods: Any, window: int = 256) -> NDArray[np.int64]:
    """Return a node for each pod, −1 for those that fit nowhere, int64[B]."""
    from scipy.optimize import linear_sum_assignment

    nodes = np.full(len(pods), -1, dtype=np.int64)
    line = list(range(len(pods)))
    while line:
        head, line = line[:window], line[window:]
        costs = {}
        for index in head:
            kind = int(pods.classes[index])
            if kind not in costs:
                costs[kind] = _costs(pods, index)
        matrix = np.array([costs[int(pods.classes[index])] for index in head])
        left = []
        for row, node in zip(*linear_sum_assignment(matrix), strict=True):
            index = head[row]
            if matrix[row, node] < NO_ARC and pods.feasible(index)[node]:
                pods.take(index, int(node))
                nodes[index] = node
        for row, index in enumerate(head):
            if nodes[index] < 0 and matrix[row].min(initial=NO_ARC) < NO_ARC:
                left.append(index)
        if len(left) < len(head):
            line = [*left, *line]
    return nodes


def _costs(pods: Any, index: int) -> NDArray[np.float64]:
    """Return what it costs to send a pod to each node, float64[N]."""
    seen = fractions(pods.cluster, pod_of(pods, index))
    whole = np.maximum(seen.capacity, 1e-12)
    load = np.where(seen.capacity > 0, (seen.used + seen.asked[:, None]) / whole, 0.0)
    cost = load.mean(axis=0) + load.std(axis=0)
    return np.where(pods.feasible(index), cost, NO_ARC)
