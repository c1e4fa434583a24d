"""Probes: when their verdict changes, without asking in between.

Source: kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes and
pkg/kubelet/prober. The k-th question is put `initialDelaySeconds + k · periodSeconds`
after the container's start; a question without an answer is given up after
`timeoutSeconds`. Startup probes hold back the others until they succeed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from schedbench.objects.pod import Probe


def next_verdict(
    probe: Probe, turns: Sequence[float], *, good: bool, after: float = -math.inf
) -> float:
    """Return when a probe's verdict turns; ∞ if it never does.

    Parameters
    ----------
    probe
        The probe.
    turns
        When answers begin and cease in turn, in seconds from the container's start.
    good
        What the verdict is now.
    after
        Questions up to this time are already counted into that verdict.

    Returns
    -------
    float
        Seconds from the container's start.
    """
    period = max(1, probe.period_seconds)
    wanted = max(1, probe.failure_threshold if good else probe.success_threshold)
    delay = probe.initial_delay_seconds
    asked = max(0, math.floor((after - delay) / period) + 1) if after >= delay else 0
    row = 0
    for index, until in enumerate((*turns, math.inf)):
        answers = index % 2 == 1
        if until <= delay + asked * period:
            continue
        end = math.inf if until == math.inf else math.ceil((until - delay) / period)
        if answers == good:
            row = 0
        elif row + end - asked >= wanted:
            put = delay + (asked + wanted - row - 1) * period
            return put + (probe.timeout_seconds if good else 0.0)
        else:
            row += int(end) - asked
        if end == math.inf:
            break
        asked = int(end)
    return math.inf


def first_failure(probe: Probe, turns: Sequence[float]) -> float:
    """Return when a probe that has never succeeded has failed often enough; or ∞."""
    period = max(1, probe.period_seconds)
    last = max(1, probe.failure_threshold) - 1
    asked = probe.initial_delay_seconds + last * period
    success = next_verdict(probe, turns, good=False)
    return math.inf if success <= asked else asked + probe.timeout_seconds
