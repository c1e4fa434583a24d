"""target-load-packing: fill nodes up to a target use of cpu, then spread what is over.

Source: Trimaran's TargetLoadPacking (kubernetes-sigs/scheduler-plugins pkg/trimaran,
KEP-61). With u the predicted use in percent and t the target: t + (100 − t) u / t up to
the target, t (100 − u) / (100 − t) above it, 0 from 100 on; rounded. A pod is predicted
to use its request × a multiplier, 1,000m without a request. Usage is modelled, see
`usage`; limits, which upstream prefers to requests, are not looked at.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import CPU, ClusterState, Pod
from schedbench.errors import InputError
from schedbench.policies.base import Policy
from schedbench.policies.usage import check_positive, usage
from schedbench.scheduler.profile import Profile, Tie

NAME = "target-load-packing"
SUMMARY = "Packs nodes up to a target cpu use, then spreads (Trimaran)."
WITHOUT_REQUEST = 1000


def make(
    target: float = 40.0,
    multiplier: float = 1.5,
    utilization: float = 0.6,
    ties: str = "random",
) -> Policy:
    """Return the policy.

    Parameters
    ----------
    target
        Use of cpu to pack up to, in percent.
    multiplier
        Predicted use of a new pod ÷ its request.
    utilization
        Use of running pods ÷ their requests.

    Raises
    ------
    InputError
        If a parameter is not above 0, or the target not below 100.
    """
    check_positive(NAME, target=target, multiplier=multiplier, utilization=utilization)
    if target >= 100:
        raise InputError(
            "target is not below 100", where=f"policy {NAME}", value=target
        )
    place = functools.partial(
        score, target=target, multiplier=multiplier, utilization=utilization
    )
    profile = Profile(NAME, tie=Tie[ties.upper()])
    return Policy(NAME, SUMMARY, profile, vectorized=place)


def score(
    cluster: ClusterState,
    pod: Pod,
    feasible: NDArray[np.bool_],
    target: float = 40.0,
    multiplier: float = 1.5,
    utilization: float = 0.6,
) -> NDArray[np.float64]:
    """Return the score, whole numbers of 0..100, float64[N]."""
    request = int(pod.request[CPU])
    expected = round(request * multiplier) if request else WITHOUT_REQUEST
    offered = np.maximum(cluster.allocatable[CPU], 1)
    used = 100 * (usage(cluster, CPU, utilization).mean + expected / offered)
    below = target + (100 - target) * used / target
    above = target * (100 - used) / (100 - target)
    return np.asarray(np.maximum(np.round(np.where(used > target, above, below)), 0))
