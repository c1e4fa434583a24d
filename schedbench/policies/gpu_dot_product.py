"""gpu-dot-product: the node whose free cpu and GPU align least with the pod's.

Source: DotProd of "Beware of Fragmentation" (Weng et al., USENIX ATC 2023); a share
takes the fullest device it fits on.
"""

from __future__ import annotations

from schedbench.plugins.gpu_dot_product import GpuDotProduct
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "gpu-dot-product"
SUMMARY = "The node whose free cpu and GPU align least with the pod's requests."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(GpuDotProduct()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
