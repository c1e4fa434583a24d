"""random: any node on which the pod fits, uniformly.

The baseline that every other policy must beat.
"""

from __future__ import annotations

from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "random"
SUMMARY = "Any node on which the pod fits, uniformly."


def make() -> Policy:
    """Return the policy."""
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.RANDOM))
