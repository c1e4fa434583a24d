"""NodeResourcesBalancedAllocation: nodes whose resources would be used evenly."""

from __future__ import annotations

import math

from naive.fit import taken_and_size
from naive.resources import pod_requests

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

RESOURCES = ("cpu", "memory")


def raw(
    pod: Pod,
    nodes: list[Node],
    pods_on: list[list[Pod]],
    resources: tuple[str, ...] = RESOURCES,
) -> list[int] | None:
    """Score 100 × (1 − standard deviation of the used fractions), truncated.

    None (skip) if the pod asks for none of the resources.
    """
    if not any(pod_requests(pod).get(name, 0) for name in resources):
        return None
    scores = []
    for node, others in zip(nodes, pods_on, strict=True):
        amounts = [
            taken_and_size(pod, node, others, name, scoring=False) for name in resources
        ]
        fractions = [min(one[0] / one[1], 1.0) for one in amounts if one is not None]
        scores.append(int((1 - _deviation(fractions)) * 100))
    return scores


def _deviation(fractions: list[float]) -> float:
    if len(fractions) < 2:
        return 0.0
    if len(fractions) == 2:
        return abs((fractions[0] - fractions[1]) / 2)
    mean = 0.0
    for fraction in fractions:
        mean += fraction
    mean /= len(fractions)
    total = 0.0
    for fraction in fractions:
        total += (fraction - mean) * (fraction - mean)
    return math.sqrt(total / len(fractions))
