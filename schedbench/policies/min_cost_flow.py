"""min-cost-flow: the pods that wait as a flow through classes and nodes alike.

Source: Quincy (Isard et al., SOSP 2009) and Firmament (Gog et al., OSDI 2016): pods
are units of flow, those of one class share an aggregator with arcs to the nodes on
which one fits, and waiting is an arc that costs more than any placement. As in
Firmament's network-aware policy the cost of an arc is what the node's pods and the new
one request of it, here of cpu and memory, in thousandths. Flow has one dimension and
nodes have several, so a round gives each node one pod at most: then no node is filled
beyond what it has, and the cheapest flow of a round has whole numbers (its matrix is
totally unimodular). Rounds follow until none places a pod; each is optimal, their
sequence need not be. Pods of higher priority come first. Nothing is moved that runs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.policies.base import Policy
from schedbench.policies.batches import (
    NOWHERE,
    ROWS,
    Nodes,
    Pods,
    alike_nodes,
    by_class,
    priority_levels,
    take_planned,
)
from schedbench.scheduler.profile import Profile, Tie

NAME = "min-cost-flow"
SUMMARY = "Waiting pods flow to nodes at least cost, one a node and round (Firmament)."
UNIT = 1000


def make() -> Policy:
    """Return the policy."""
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=place)


def place(cluster: ClusterState, pods: Pods) -> Nodes:
    """Return a node slot for each pod, or −1."""
    nodes = np.full(len(pods), NOWHERE)
    for level in priority_levels(pods):
        waiting = by_class(pods, level)
        while taken := take_planned(pods, waiting, _round(pods, waiting)):
            nodes[[index for index, _ in taken]] = [node for _, node in taken]
    return nodes


def _round(pods: Pods, waiting: dict[int, list[int]]) -> list[tuple[int, int]]:
    """Return class and node of the pods that a round places."""
    classes = [one for one, indices in waiting.items() if indices]
    if not classes:
        return []
    fits = np.array([pods.feasible(waiting[one][0]) for one in classes])
    offered = np.maximum(pods.cluster.allocatable[ROWS], 1)
    asked = pods.class_request[classes][:, ROWS]
    used = pods.cluster.requested[ROWS] + asked[:, :, None]
    cost = np.where(fits, (UNIT * used // offered).sum(axis=1), 0)
    groups = alike_nodes(np.vstack([fits, cost]))
    first = [group[0] for group in groups]
    supply = np.array([len(waiting[one]) for one in classes])
    size = np.array([len(group) for group in groups])
    flow = cheapest_flow(fits[:, first], cost[:, first], supply, size)
    plan = []
    for column, group in enumerate(groups):
        amounts = flow[:, column]
        nodes = group[: amounts.sum()].tolist()
        going = np.repeat(np.arange(len(classes)), amounts).tolist()
        plan += [(classes[c], node) for c, node in zip(going, nodes, strict=True)]
    return plan


def cheapest_flow(
    fits: NDArray[np.bool_],
    cost: NDArray[np.int64],
    supply: NDArray[np.int64],
    size: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the cheapest of the largest flows, int64[C, G].

    Parameters
    ----------
    fits : bool[C, G], cost : int64[C, G]
        From which class to which group of nodes there is an arc, and its cost.
    supply : int64[C], size : int64[G]
        Pods of each class and nodes of each group.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    source, target = np.nonzero(fits)
    flow = np.zeros(fits.shape, dtype=np.int64)
    if not len(source):
        return flow
    arc = np.arange(len(source))
    most = min(int(supply.sum()), int(size.sum()))
    waiting = (most + 1) * (int(cost.max()) + 1)
    rows = np.concatenate([source, len(supply) + target])
    shape = (len(supply) + len(size), len(arc))
    found = linprog(
        cost[source, target] - float(waiting),
        A_ub=coo_array((np.ones(len(rows)), (rows, np.tile(arc, 2))), shape).tocsr(),
        b_ub=np.concatenate([supply, size]),
        method="highs-ds",
    )
    if found.status:
        raise ArithmeticError(f"HiGHS found no flow: {found.message}")
    flow[source, target] = np.round(found.x)
    if np.abs(flow[source, target] - found.x).max() > 1e-6:
        raise ArithmeticError("HiGHS found a flow that is not whole")
    return flow
