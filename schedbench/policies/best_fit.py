"""best-fit: the node on which the pod leaves least cpu and memory free.

Source: best fit of bin packing (Johnson, 1974), over two resources. Unlike
most-allocated it counts what is left in units of the largest node, so a small node
that becomes full is better than a large node that becomes nearly full.
"""

from __future__ import annotations

from schedbench.plugins.remaining_capacity import RemainingCapacity
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "best-fit"
SUMMARY = "The node on which the pod leaves least cpu and memory free."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(RemainingCapacity()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
