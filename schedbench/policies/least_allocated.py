"""least-allocated: the node with the largest free share of cpu and memory.

Source: the LeastAllocated strategy of kube-scheduler's NodeResourcesFit, alone.
"""

from __future__ import annotations

from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "least-allocated"
SUMMARY = "The node with the largest free share of cpu and memory."


def make(ties: str = "random") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(NodeResourcesFit("LeastAllocated")),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
