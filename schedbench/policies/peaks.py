"""peaks: the node whose power rises least when it takes the pod.

Source: Trimaran's Peaks (kubernetes-sigs/scheduler-plugins pkg/trimaran/peaks). A
node's power is K0 + K1 exp(K2 u) of its cpu use u in percent; the rise is scored in
units of 1e-15 W, then normalized over feasible nodes to 100 for the least and 0 for
the greatest. With K1 and K2 below 0, as measured on real nodes, power rises less the
busier a node is, so that nodes are packed. Upstream gives each node a model of its
own; here all have one. Usage is modelled, see `usage`.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, ClusterState, Pod
from schedbench.policies.base import Policy
from schedbench.policies.usage import check_positive, usage
from schedbench.scheduler.profile import Profile, Tie

NAME = "peaks"
SUMMARY = "The node whose power rises least (Trimaran)."


def make(
    k1: float = -91.5, k2: float = -0.0719, utilization: float = 0.6,
    ties: str = "random",
) -> Policy:  # fmt: skip
    """Return the policy.

    Parameters
    ----------
    k1, k2
        K1 in watts and K2 per percent.
    utilization
        Use of running pods ÷ their requests.

    Raises
    ------
    InputError
        If the utilization is not above 0.
    """
    check_positive(NAME, utilization=utilization)
    place = functools.partial(score, k1=k1, k2=k2, utilization=utilization)
    profile = Profile(NAME, tie=Tie[ties.upper()])
    return Policy(NAME, SUMMARY, profile, vectorized=place)


def score(
    cluster: ClusterState,
    pod: Pod,
    feasible: NDArray[np.bool_],
    k1: float = -91.5,
    k2: float = -0.0719,
    utilization: float = 0.6,
) -> NDArray[np.float64]:
    """Return the normalized score, whole numbers of 0..100, float64[N]."""
    before = 100 * usage(cluster, CPU, utilization).mean
    asked = 100 * pod.request[CPU] / np.maximum(cluster.allocatable[CPU], 1)
    after = np.minimum(before + asked, 100.0)
    cost = np.trunc(k1 * (np.exp(k2 * after) - np.exp(k2 * before)) * 1e15)
    among = cost[feasible]
    if not len(among) or among.max() == among.min():
        return np.full(len(feasible), 100.0)
    low, high = among.min(), among.max()
    return np.asarray(100 - np.trunc(100 * (cost - low) / (high - low)))
