"""l2-norm-bin-packing: the node whose room is nearest to what the pod asks for.

Source: the norm-based greedy of Panigrahy, Talwar, Uyeda and Wieder, "Heuristics for
Vector Bin Packing" (Microsoft Research, 2011): the least Σ w (room − request)² over the
resources. Theirs fills a bin and looks for the item; a scheduler has the item and looks
for the bin. Their weights are the mean demands, known offline; here all are 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, Pod
from schedbench.policies.base import Policy
from schedbench.policies.fractions import fractions
from schedbench.scheduler.profile import Profile, Tie

NAME = "l2-norm-bin-packing"
SUMMARY = "The node whose free resources are nearest to the pod's requests (L2)."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    profile = Profile(NAME, tie=Tie[ties.upper()])
    return Policy(NAME, SUMMARY, profile, vectorized=score)


def score(
    cluster: ClusterState, pod: Pod, feasible: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return minus the squared distance, float64[N]."""
    seen = fractions(cluster, pod)
    distance = seen.free - seen.asked[:, None]
    return np.asarray(-(distance**2).sum(axis=0))
