"""round-robin: the next node, after the one chosen last, on which the pod fits.

Source: next fit of bin packing (Johnson, 1974) without its closing of bins.
"""

from __future__ import annotations

from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "round-robin"
SUMMARY = "The next node, after the one chosen last, on which the pod fits."


def make() -> Policy:
    """Return the policy."""
    return Policy(NAME, SUMMARY, Profile(NAME, tie=Tie.NEXT))
