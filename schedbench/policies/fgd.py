"""fgd: the node and the device on which the pod lowers GPU fragmentation most.

Source: Fragmentation Gradient Descent, "Beware of Fragmentation" (Weng et al., USENIX
ATC 2023). Fragmentation is measured against the workload's typical pods.
"""

from __future__ import annotations

from schedbench.plugins.gpu_fragmentation import GpuFragmentation
from schedbench.plugins.gpu_share import DeviceRule
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "fgd"
SUMMARY = "The node and device on which the pod lowers GPU fragmentation most."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    return Policy(
        NAME,
        SUMMARY,
        Profile(
            NAME,
            (WeightedScore(GpuFragmentation()),),
            tie=Tie[ties.upper()],
            devices=DeviceRule.FRAGMENTATION,
        ),
    )
