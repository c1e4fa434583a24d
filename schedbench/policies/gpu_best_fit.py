"""gpu-best-fit: the node on which the pod leaves least cpu and GPU free.

Source: BestFit of "Beware of Fragmentation" (Weng et al., USENIX ATC 2023); a share
takes the fullest device it fits on.
"""

from __future__ import annotations

from schedbench.plugins.gpu_best_fit import GpuBestFit
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "gpu-best-fit"
SUMMARY = "The node on which the pod leaves least cpu and GPU free."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(GpuBestFit()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
