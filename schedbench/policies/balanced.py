"""balanced: the node whose cpu and memory would be requested most evenly.

Source: kube-scheduler's NodeResourcesBalancedAllocation, alone.
"""

from __future__ import annotations

from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "balanced"
SUMMARY = "The node whose cpu and memory would be requested most evenly."


def make(ties: str = "random") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(NodeResourcesBalancedAllocation()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
