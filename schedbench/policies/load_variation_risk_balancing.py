"""load-variation-risk-balancing: nodes with low and steady use.

Source: Trimaran's LoadVariationRiskBalancing (kubernetes-sigs/scheduler-plugins
pkg/trimaran, KEP-61): risk = (mean + margin × deviation^(1 / sensitivity)) / 2, of the
node's use with the pod's request added, as fractions of the allocatable, clipped to
0..1; the score is 100 (1 − risk) of cpu or memory, whichever is riskier, rounded.
Usage is modelled, see `usage`.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, MEMORY, ClusterState, Pod
from schedbench.policies.base import Policy
from schedbench.policies.usage import check_positive, usage
from schedbench.scheduler.profile import Profile, Tie

NAME = "load-variation-risk-balancing"
SUMMARY = "The node of lowest and steadiest use (Trimaran)."


def make(
    margin: float = 1.0,
    sensitivity: float = 1.0,
    utilization: float = 0.6,
    variation: float = 0.5,
    ties: str = "random",
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    margin, sensitivity
        How much the deviation counts, and how steeply.
    utilization, variation
        Use of running pods ÷ their requests; its standard deviation ÷ that.

    Raises
    ------
    InputError
        If a parameter is not above 0.
    """
    check_positive(NAME, margin=margin, sensitivity=sensitivity)
    check_positive(NAME, utilization=utilization, variation=variation)
    profile = Profile(NAME, tie=Tie[ties.upper()])
    place = functools.partial(
        score,
        margin=margin,
        sensitivity=sensitivity,
        utilization=utilization,
        variation=variation,
    )
    return Policy(NAME, SUMMARY, profile, vectorized=place)


def score(
    cluster: ClusterState,
    pod: Pod,
    feasible: NDArray[np.bool_],
    margin: float = 1.0,
    sensitivity: float = 1.0,
    utilization: float = 0.6,
    variation: float = 0.5,
) -> NDArray[np.float64]:
    """Return the score, whole numbers of 0..100, float64[N]."""
    lowest = np.full(len(feasible), 100.0)
    for row in (CPU, MEMORY):
        used = usage(cluster, row, utilization, variation)
        offered = np.maximum(cluster.allocatable[row], 1)
        mean = np.clip(used.mean + pod.request[row] / offered, 0, 1)
        spread = np.clip(margin * used.deviation ** (1 / sensitivity), 0, 1)
        lowest = np.minimum(lowest, np.round(100 * (1 - (mean + spread) / 2)))
    return lowest
