"""LowRiskOverCommitment for one node and resource, in plain numbers.

Source: kubernetes-sigs/scheduler-plugins pkg/trimaran/lowriskovercommitment; the beta
distribution by its continued fraction, DLMF 8.17.22.
"""

from __future__ import annotations

import math

TERMS = 2_000


def risk(
    pods: list[tuple[int, int]],
    waiting: tuple[int, int],
    capacity: int,
    mean: float,
    deviation: float,
    weight: float,
) -> float:
    """Return the risk of a node whose pods have these (request, limit)."""
    held = [(request, max(request, limit)) for request, limit in pods]
    asked, allowed = waiting[0], max(waiting)
    requests = min(sum(request for request, _ in held), capacity)
    limits = sum(limit for _, limit in held)
    all_limits = limits + allowed
    all_requests = min(sum(request for request, _ in held) + asked, capacity)
    of_limits = 0.0
    if all_limits > capacity:
        of_limits = (all_limits - capacity) / (all_limits - all_requests)
    within = chance_below(mean, deviation, requests / capacity)
    if limits < capacity:
        if limits == 0:
            within = 1.0
        elif (possible := chance_below(mean, deviation, limits / capacity)) > 0:
            fits = deviation > 0 and 0 < mean < 1
            within = min(within / possible, 1.0) if fits else within
    return weight * of_limits + (1 - weight) * (1 - within)


def chance_below(mean: float, deviation: float, threshold: float) -> float:
    """Return the chance that a beta variable of these moments is at most so much."""
    most = mean * (1 - mean)
    variance = min(deviation**2, 0.99 * most)
    if mean == 0 or variance == 0:
        return float(mean <= threshold)
    shape = most / variance - 1
    return regularized(threshold, mean * shape, (1 - mean) * shape)


def regularized(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - regularized(1 - x, b, a)
    fraction = 1.0
    for term in range(TERMS, 0, -1):
        m, odd = divmod(term, 2)
        if odd:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = 1 + part / fraction
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = a * math.log(x) + b * math.log1p(-x) - log_beta
    return math.exp(front) / (a * fraction)
