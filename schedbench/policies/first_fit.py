"""first-fit: the first node, in node order, on which the pod fits.

Source: first fit of bin packing (Johnson, 1974).
"""

from __future__ import annotations

from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "first-fit"
SUMMARY = "The first node, in node order, on which the pod fits."


def make() -> Policy:
    """Return the policy."""
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.FIRST))
