"""How many replicas a metric asks for, and how fast their number may change.

Source: docs.kubernetes.io "Horizontal Pod Autoscaling" (algorithm details, scaling
behavior); `pkg/controller/podautoscaler/{replica_calculator,horizontal}.go`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from schedbench.objects.autoscaling import (
    HorizontalPodAutoscalerBehavior,
    HPAScalingPolicy,
    HPAScalingRules,
)

SCALE_UP = HPAScalingRules(
    stabilization_window_seconds=0,
    select_policy="Max",
    policies=[
        HPAScalingPolicy(type="Pods", value=4, period_seconds=15),
        HPAScalingPolicy(type="Percent", value=100, period_seconds=15),
    ],
)
"""Source: `pkg/apis/autoscaling/v2/defaults.go`."""

SCALE_DOWN = HPAScalingRules(
    select_policy="Max",
    policies=[HPAScalingPolicy(type="Percent", value=100, period_seconds=15)],
)


def rules(
    behavior: HorizontalPodAutoscalerBehavior | None, *, up: bool
) -> HPAScalingRules:
    """Return the rules of one direction, with their defaults filled in."""
    default = SCALE_UP if up else SCALE_DOWN
    given = None
    if behavior is not None:
        given = behavior.scale_up if up else behavior.scale_down
    if given is None:
        return default
    window = given.stabilization_window_seconds
    return HPAScalingRules(
        stabilization_window_seconds=default.stabilization_window_seconds
        if window is None
        else window,
        select_policy=given.select_policy or "Max",
        policies=given.policies or default.policies,
        tolerance=given.tolerance,
    )


def replicas_for(
    current: int,
    usage: Mapping[str, float],
    requests: Mapping[str, float],
    target: float,
    *,
    unready: Sequence[str],
    missing: Sequence[str],
    tolerances: tuple[float, float],
) -> int:
    """Return `ceil(current × ratio)`, carefully where pods are unready or unmeasured.

    Parameters
    ----------
    current
        Replicas now.
    usage
        What each ready pod uses.
    requests
        What 100 % is, for every pod named anywhere here.
    target
        The share of `requests` to use, from 0 to 1 and more.
    unready, missing
        Pods not ready yet, and pods without a metric: taken as using nothing, but the
        missing as using all of it (or the target, if above) when scaling down.
    tolerances
        How far below and above 1 the ratio may be without effect.
    """
    below, above = tolerances
    ratio = _ratio(usage, requests, target)
    scales_up = bool(unready) and ratio > 1
    if not scales_up and not missing:
        if 1 - below <= ratio <= 1 + above:
            return current
        return math.ceil(round(ratio * len(usage), 9))
    full = dict(usage)
    if missing:
        share = max(1.0, target) if ratio < 1 else 0.0
        full |= {pod: share * requests[pod] for pod in missing}
    if scales_up:
        full |= dict.fromkeys(unready, 0.0)
    again = _ratio(full, requests, target)
    if 1 - below <= again <= 1 + above or (ratio < 1) != (again < 1):
        return current
    wanted = math.ceil(round(again * len(full), 9))
    return current if (again < 1) == (wanted > current) else wanted


def _ratio(
    usage: Mapping[str, float], requests: Mapping[str, float], target: float
) -> float:
    asked = sum(requests[pod] for pod in usage)
    return sum(usage.values()) / asked / target if asked else 1.0


def stabilized(
    current: int,
    desired: int,
    recommendations: Sequence[tuple[float, int]],
    now: float,
    windows: tuple[float, float],
) -> int:
    """Return the calmest number: the least of the up window, most of the down window.

    Parameters
    ----------
    current, desired
        Replicas now, and recommended now.
    recommendations
        What was recommended when.
    now
        The time.
    windows
        Seconds of the down and of the up window.
    """
    down, up = windows
    lowest = min([desired, *(n for t, n in recommendations if t > now - up)])
    highest = max([desired, *(n for t, n in recommendations if t > now - down)])
    return min(max(current, lowest), highest)


def limited(
    current: int,
    desired: int,
    changes: Sequence[tuple[float, int]],
    now: float,
    behavior: HorizontalPodAutoscalerBehavior | None,
) -> int:
    """Return the number of replicas that the policies let through.

    `changes` are past changes of the number, with their times.
    """
    if desired == current:
        return current
    up = desired > current
    chosen = rules(behavior, up=up)
    if chosen.select_policy == "Disabled":
        return current
    bounds = []
    for policy in chosen.policies:
        since = now - policy.period_seconds
        start = current - sum(n for t, n in changes if t > since)
        if policy.type == "Pods":
            bounds.append(start + policy.value if up else start - policy.value)
        elif up:
            bounds.append(math.ceil(round(start * (1 + policy.value / 100), 9)))
        else:
            bounds.append(int(start * (1 - policy.value / 100)))
    widest = (chosen.select_policy == "Max") == up
    bound = max(bounds) if widest else min(bounds)
    return (
        min(desired, max(bound, current)) if up else max(desired, min(bound, current))
    )
