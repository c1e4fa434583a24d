"""gpu-packing: GPUs in use before idle ones, nodes in use before idle ones.

Source: GpuPacking of "Beware of Fragmentation" (Weng et al., USENIX ATC 2023); a share
takes the fullest device it fits on.
"""

from __future__ import annotations

from schedbench.plugins.gpu_packing import GpuPacking
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "gpu-packing"
SUMMARY = "GPUs in use before idle ones, nodes in use before idle ones."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(GpuPacking()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
