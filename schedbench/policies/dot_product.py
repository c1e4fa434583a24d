"""dot-product: the node whose free resources point the way of the pod's requests.

Source: the alignment score of Tetris (Grandl et al., SIGCOMM 2014).
"""

from __future__ import annotations

from schedbench.plugins.alignment import Alignment
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

NAME = "dot-product"
SUMMARY = "The node whose free resources best align with the pod's requests (Tetris)."


def make(ties: str = "first") -> Policy:
    """Return the policy."""
    scores = (WeightedScore(Alignment()),)
    return Policy(NAME, SUMMARY, Profile(NAME, scores, tie=Tie[ties.upper()]))
