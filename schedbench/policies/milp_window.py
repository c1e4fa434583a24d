"""milp-window: an integer program places the head of the queue, as many as it can.

Source: the formulation of vector bin packing as an integer program, as TetriSched
(Tumanov et al., EuroSys 2016) solves it for a window of waiting jobs: the most pods
first, then the fewest nodes that were empty. Nodes that may take a pod of the window
and are fullest are looked at. The solver (HiGHS) is stopped after a number of
branch-and-bound nodes, not by the clock, so that the same run gives the same result.
Resources alone are in the program; the filters have the last word.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS, ClusterState
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "milp-window"
SUMMARY = (
    "An integer program places windows of waiting pods, on as few nodes as it can."
)
MOST_BRANCHES = 50


def make(window: int = 16, nodes: int = 16) -> Policy:
    """Return the policy.

    Parameters
    ----------
    window
        How many pods are placed together.
    nodes
        How many nodes are looked at for a window.

    Raises
    ------
    InputError
        If one is below 1.
    """
    for name, value in (("window", window), ("nodes", nodes)):
        if value < 1:
            raise InputError(f"{name} is below 1", where=f"policy {NAME}", value=value)
    plan = functools.partial(place, window=window, most=nodes)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=plan)


def place(
    cluster: ClusterState, pods: Any, window: int = 16, most: int = 16
) -> NDArray[np.int64]:
    """Return a node for each pod, −1 for those that fit nowhere, int64[B]."""
    nodes = np.full(len(pods), -1, dtype=np.int64)
    for begin in range(0, len(pods), window):
        head = list(range(begin, min(begin + window, len(pods))))
        allowed = np.array([pods.feasible(index) for index in head])
        slots = _fullest(pods.cluster, allowed, most)
        for index, node in _solved(pods, head, allowed[:, slots], slots):
            if pods.feasible(index)[node]:
                pods.take(index, node)
                nodes[index] = node
        for index in head:  # what the program left out, and what the filters refused
            fits = np.flatnonzero(pods.feasible(index))
            if nodes[index] < 0 and len(fits):
                nodes[index] = int(fits[pods.cluster.requested[PODS, fits].argmax()])
                pods.take(index, int(nodes[index]))
    return nodes


def _fullest(
    cluster: ClusterState, allowed: NDArray[np.bool_], most: int
) -> NDArray[np.int64]:
    """Return nodes that may take some pod, those with the most requested cpu first."""
    slots = np.flatnonzero(allowed.any(axis=0))
    order = np.argsort(-cluster.requested[0, slots], kind="stable")
    return slots[order[:most]]


def _solved(
    pods: Any, head: list[int], allowed: NDArray[np.bool_], slots: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Return the program's placements, in the order of the queue."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    count, width = allowed.shape
    if not width:
        return []
    rows = np.flatnonzero(pods.request[head].any(axis=0))
    free = pods.cluster.allocatable[:, slots] - pods.cluster.requested[:, slots]
    empty = pods.cluster.requested[PODS, slots] == 0
    opened = np.flatnonzero(empty)
    worth = np.full(count * width, -float(width + 1))
    cost = np.concatenate([worth, np.ones(len(opened))])
    matrix, high = [], []
    for pod in range(count):
        row = np.zeros(len(cost))
        row[pod * width : (pod + 1) * width] = 1
        matrix.append(row)
        high.append(1.0)
    for resource in rows:
        scale = max(float(pods.cluster.allocatable[resource, slots].max()), 1.0)
        for node in range(width):
            row = np.zeros(len(cost))
            row[node : count * width : width] = pods.request[head, resource] / scale
            room = free[resource, node] / scale
            if empty[node]:
                row[count * width + int(np.searchsorted(opened, node))] = -room
                room = 0.0
            matrix.append(row)
            high.append(room)
    upper = np.concatenate([allowed.reshape(-1).astype(float), np.ones(len(opened))])
    found = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(0, upper),
        constraints=LinearConstraint(np.array(matrix), -np.inf, np.array(high)),
        options={"node_limit": MOST_BRANCHES},
    )
    if found.x is None:
        return []
    chosen = np.flatnonzero(found.x[: count * width] > 0.5)
    return [(head[int(at) // width], int(slots[int(at) % width])) for at in chosen]
