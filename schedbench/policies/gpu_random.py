"""gpu-random: any node on which the pod fits, and any device of it, uniformly.

Source: Random of "Beware of Fragmentation" (Weng et al., USENIX ATC 2023).
"""

from __future__ import annotations

from schedbench.plugins.gpu_share import DeviceRule
from schedbench.policies.base import Policy
from schedbench.scheduler.profile import Profile, Tie

NAME = "gpu-random"
SUMMARY = "Any node on which the pod fits, and any device of it."


def make() -> Policy:
    """Return the policy."""
    return Policy(
        NAME, SUMMARY, Profile(NAME, tie=Tie.RANDOM, devices=DeviceRule.RANDOM)
    )
