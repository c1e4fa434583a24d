"""batch-milp: the pods that wait, a window at a time, by an integer program.

Source: the vector bin packing program that schedulers solve over a batch, as in
TetriSched (Tumanov et al., EuroSys 2016) without its look into the future. The program
places as many pods of the window as it can, and then puts as few nodes into use as it
can that were empty. It counts pods of a class on a node, knows all resources and the
sum of free GPU shares; ports, single devices, spreading and affinity are looked at as
its pods are taken, and a pod that no longer fits enters the next program. A program
knows for each class the nodes that best-fit would choose first, `nodes` in all or one
for each class. It is solved by HiGHS up to a relative gap, or so many nodes of its
search tree, never by the clock: the same seed gives the same run on every machine.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS, ClusterState
from schedbench.errors import InputError, PolicyError
from schedbench.policies.base import Policy
from schedbench.policies.batches import (
    NOWHERE,
    Nodes,
    Pods,
    base_scores,
    by_class,
    priority_levels,
    take_planned,
)
from schedbench.scheduler.profile import Profile, Tie

NAME = "batch-milp"
SUMMARY = "Most pods on fewest nodes, by an integer program over a window of pods."


def make(
    window: int = 32, nodes: int = 32, limit: int = 200, gap: float = 0.0
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    window
        Pods of one program.
    nodes
        Nodes of one program.
    limit
        Nodes of the search tree after which the best placement so far is taken.
    gap
        Relative gap to the solver's bound at which a placement is good enough.

    Raises
    ------
    InputError
        If a number is not above 0, or the gap not within 0..1.
    """
    for name, value in (("window", window), ("nodes", nodes), ("limit", limit)):
        if value < 1:
            raise InputError(
                f"{name} is not above 0", where=f"policy {NAME}", value=value
            )
    if not 0 <= gap <= 1:
        raise InputError("gap is not within 0..1", where=f"policy {NAME}", value=gap)
    solve = functools.partial(place, window=window, nodes=nodes, limit=limit, gap=gap)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=solve)


def place(
    cluster: ClusterState,
    pods: Pods,
    window: int = 32,
    nodes: int = 32,
    limit: int = 200,
    gap: float = 0.0,
) -> Nodes:
    """Return a node slot for each pod, or −1."""
    chosen = np.full(len(pods), NOWHERE)
    for level in priority_levels(pods):
        for first in range(0, len(level), window):
            waiting = by_class(pods, level[first : first + window])
            while plan := _solve(pods, waiting, nodes, limit, gap):
                for index, node in take_planned(pods, waiting, plan):
                    chosen[index] = node
    return chosen


def _solve(
    pods: Pods, waiting: dict[int, list[int]], nodes: int, limit: int, gap: float
) -> list[tuple[int, int]]:
    """Return class and node of the pods that the program places."""
    fits = {
        one: pods.feasible(indices[0]) for one, indices in waiting.items() if indices
    }
    classes = [one for one, feasible in fits.items() if feasible.any()]
    if not classes:
        return []
    each = max(nodes // len(classes), 1)
    known: set[int] = set()
    for one in classes:
        scores = base_scores(pods, waiting[one][0], "best-fit")
        order = np.argsort(-scores, kind="stable")
        known.update(order[fits[one][order]][:each].tolist())
    slots = np.array(sorted(known))
    asked, free = _amounts(pods, classes, slots)
    count = fewest_new_nodes(
        fits=np.array([fits[one][slots] for one in classes]),
        supply=np.array([len(waiting[one]) for one in classes]),
        asked=asked,
        free=free,
        empty=pods.cluster.requested[PODS, slots] == 0,
        limit=limit,
        gap=gap,
    )
    return [
        (classes[c], int(slots[n]))
        for c, n in np.argwhere(count).tolist()
        for _ in range(count[c, n])
    ]


def _amounts(
    pods: Pods, classes: list[int], slots: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what classes ask for and nodes have, the last row milli of GPUs."""
    cluster = pods.cluster
    first = [int(np.flatnonzero(pods.pod_class == one)[0]) for one in classes]
    gpus = (pods.gpu_count * pods.gpu_milli)[first]
    devices = np.maximum(cluster.gpu_free[:, slots], 0).sum(axis=0)
    free = cluster.allocatable[:, slots] - cluster.requested[:, slots]
    return (
        np.column_stack([pods.request[first], gpus]),
        np.vstack([free, devices]).astype(np.int64),
    )


def fewest_new_nodes(
    *,
    fits: NDArray[np.bool_],
    supply: NDArray[np.int64],
    asked: NDArray[np.int64],
    free: NDArray[np.int64],
    empty: NDArray[np.bool_],
    limit: int,
    gap: float,
) -> NDArray[np.int64]:
    """Return how many pods of each class each node gets, int64[C, N].

    Parameters
    ----------
    fits : bool[C, N]
        Where a pod of the class may go.
    supply : int64[C]
        How many pods there are.
    asked : int64[C, R], free : int64[R, N]
        Requests, and what is free.
    empty : bool[N]
        Nodes that are out of use.

    Raises
    ------
    PolicyError
        If the solver found nothing within its limit.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    classes, nodes = fits.shape
    placed = classes * nodes
    used = np.flatnonzero(empty)
    cost = np.concatenate([np.full(placed, -1.0 - len(used)), np.ones(len(used))])
    upper = np.concatenate(
        [np.where(fits, supply[:, None], 0).ravel(), np.ones(len(used))]
    )
    rows: list[NDArray[np.float64]] = []
    high: list[float] = []
    for c in range(classes):
        row = np.zeros(len(cost))
        row[c * nodes : (c + 1) * nodes] = 1
        rows.append(row)
        high.append(float(supply[c]))
    opening = {int(node): placed + k for k, node in enumerate(used)}
    for amounts, room in zip(asked.T, free, strict=True):
        divisor = math.gcd(*amounts.tolist())
        if not divisor:
            continue
        for node in range(nodes):
            row = np.zeros(len(cost))
            row[node:placed:nodes] = amounts // divisor
            most = float(room[node] // divisor)
            if node in opening:
                row[opening[node]], most = -most, 0.0
            rows.append(row)
            high.append(most)
    found: Any = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(0, upper),
        constraints=LinearConstraint(np.array(rows), -np.inf, high),
        options={"node_limit": limit, "mip_rel_gap": gap},
    )
    if found.x is None:
        raise PolicyError(
            f"{NAME} found no placement within {limit} nodes of the search tree"
        )
    return np.asarray(np.round(found.x[:placed]), dtype=np.int64).reshape(fits.shape)
