"""worst-fit: the node on which the pod leaves most cpu and memory free.

Source: worst fit of bin packing (Johnson, 1974), over two resources.
"""

from __future__ import annotations

from schedbench.plugins.remaining_capacity import RemainingCapacity
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "worst-fit"
SUMMARY = "The node on which the pod leaves most cpu and memory free."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(RemainingCapacity(), -1),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
