"""How many examples each property of the engines is worth."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

_PHASES = [phase for phase in Phase if phase is not Phase.explain]


def examples(share: float) -> settings:
    """Return settings for a share of the profile's examples.

    Worlds that end early, or are too large to draw, are no mistake of the strategy.
    """
    return settings(
        max_examples=max(1, round(settings().max_examples * share)),
        phases=_PHASES,
        suppress_health_check=list(HealthCheck),
    )
