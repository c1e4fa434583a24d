"""power-of-two-choices: of a few feasible nodes drawn at random, the least loaded.

Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (IEEE
TPDS 12, 2001): with two choices the fullest of n bins is exponentially less full than
with one. The load of a node is its largest requested share of cpu or memory.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, MEMORY, ClusterState, Pod
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "power-of-two-choices"
SUMMARY = "Of two feasible nodes drawn at random, the less loaded one."
MOST = 64


def make(choices: int = 2) -> Policy:
    """Return the policy.

    Parameters
    ----------
    choices
        How many different nodes are drawn; 1 = any node at random.

    Raises
    ------
    InputError
        If it is not within 1..64.
    """
    if not 1 <= choices <= MOST:
        raise InputError(
            f"choices is not within 1..{MOST}", where=f"policy {NAME}", value=choices
        )
    place = functools.partial(score, draws=(0.5,) * choices)
    profile = Profile(NAME, tie=Tie.FIRST)
    return Policy(NAME, SUMMARY, profile, vectorized=place, draws=choices)


def score(
    cluster: ClusterState,
    pod: Pod,
    feasible: NDArray[np.bool_],
    draws: Sequence[float] = (0.5, 0.5),
) -> NDArray[np.float64]:
    """Return 1 for the chosen node and 0 for the others, float64[N].

    Parameters
    ----------
    draws
        Uniform numbers in [0, 1): the k-th picks among the nodes not yet drawn.
    """
    scores = np.zeros(len(feasible))
    left = np.flatnonzero(feasible).tolist()
    drawn = [left.pop(int(draw * len(left))) for draw in draws[: len(left)]]
    if drawn:
        rows = [CPU, MEMORY]
        requested = cluster.requested[rows][:, drawn]
        offered = np.maximum(cluster.allocatable[rows][:, drawn], 1)
        load = (requested / offered).max(axis=0)
        scores[drawn[int(load.argmin())]] = 1.0
    return scores
