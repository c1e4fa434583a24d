"""lookahead: of the best fitting nodes, the one that lets best fit place the most next.

Source: Bertsekas, Tsitsiklis and Wu, "Rollout Algorithms for Combinatorial
Optimization" (J. Heuristics 3, 1997): a heuristic is improved by one step of lookahead
whose value is what the heuristic makes of the rest. Here the heuristic is best fit; a
node is judged by how many of the next pods then find a node, by resources alone, then
by how few nodes are used.
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

NAME = "lookahead"
SUMMARY = (
    "Looks ahead, and takes the node that lets best fit place most of the next pods."
)


def make(width: int = 3, depth: int = 8) -> Policy:
    """Return the policy.

    Parameters
    ----------
    width
        How many nodes are tried for a pod, the best fitting ones.
    depth
        How many of the next pods are played.

    Raises
    ------
    InputError
        If the width is below 1 or the depth below 0.
    """
    for name, value, least in (("width", width, 1), ("depth", depth, 0)):
        if value < least:
            raise InputError(
                f"{name} is below {least}", where=f"policy {NAME}", value=value
            )
    plan = functools.partial(place, width=width, depth=depth)
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST), batch=plan)


def place(
    cluster: ClusterState, pods: Any, width: int = 3, depth: int = 8
) -> NDArray[np.int64]:
    """Return a node for each pod, −1 for those that fit nowhere, int64[B]."""
    nodes = np.full(len(pods), -1, dtype=np.int64)
    whole = np.asarray(pods.cluster.allocatable, dtype=np.float64)
    scale = 1 / np.maximum(whole.max(axis=1, initial=0.0), 1.0)
    for index in range(len(pods)):
        fits = np.flatnonzero(pods.feasible(index))
        if not len(fits):
            continue
        requested = np.asarray(pods.cluster.requested, dtype=np.float64)
        free = (whole - requested) * scale[:, None]
        empty = requested[PODS] == 0
        ask = pods.request[index] * scale
        order = np.argsort((free[:2, fits]).sum(axis=0), kind="stable")
        tried = fits[order[:width]]
        coming = pods.request[index + 1 : index + 1 + depth] * scale
        values = [_played(free, empty, int(node), ask, coming) for node in tried]
        nodes[index] = tried[max(range(len(tried)), key=lambda k: (values[k], -k))]
        pods.take(index, int(nodes[index]))
    return nodes


def _played(
    free: NDArray[np.float64],
    empty: NDArray[np.bool_],
    node: int,
    ask: NDArray[np.float64],
    coming: NDArray[np.float64],
) -> tuple[int, int]:
    """Return how many of the next pods best fit places, and minus the nodes opened."""
    free, empty = free.copy(), empty.copy()
    placed, opened = 0, int(empty[node])
    free[:, node] -= ask
    empty[node] = False
    for request in coming:
        fits = np.flatnonzero((free >= request[:, None] - 1e-12).all(axis=0))
        if not len(fits):
            continue
        at = fits[int(free[:2, fits].sum(axis=0).argmin())]
        free[:, at] -= request
        opened += int(empty[at])
        empty[at] = False
        placed += 1
    return placed, -opened
