"""gpu-clustering: pods that ask for GPUs in the same way share nodes.

Source: GpuClustering of "Beware of Fragmentation" (Weng et al., USENIX ATC 2023), after
Gandiva (OSDI 2018); a share takes the fullest device it fits on.
"""

from __future__ import annotations

from schedbench.plugins.gpu_clustering import GpuClustering
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "gpu-clustering"
SUMMARY = "Pods that ask for GPUs in the same way share nodes."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(GpuClustering()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
