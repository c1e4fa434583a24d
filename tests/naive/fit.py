"""NodeResourcesFit: what is asked for must be free; three ways to score what is left.

After "Resource Bin Packing" in the documentation and kube-scheduler v1.34's recorded
behaviour. Amounts are integers, millicores for cpu.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from fractions import Fraction
from itertools import pairwise

from naive.resources import (
    allocatable,
    incoming_scoring_requests,
    is_extended,
    is_scalar,
    placed_scoring_requests,
    pod_requests,
)
from naive.verdict import Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod


@dataclasses.dataclass(frozen=True)
class Strategy:
    """How Fit scores: a type, weighted resources, and the shape of a ratio's score.

    `shape` holds (utilisation in percent, score of 0 to 10), utilisation rising.
    """

    type: str = "LeastAllocated"
    resources: tuple[tuple[str, int], ...] = (("cpu", 1), ("memory", 1))
    shape: tuple[tuple[int, int], ...] = ()


LEAST_ALLOCATED = Strategy()


def check(
    pod: Pod,
    node: Node,
    pods_on_node: list[Pod],
    ignored: Collection[str] = (),
    ignored_groups: Collection[str] = (),
) -> Reasons:
    """Refuse a node that lacks something, and name all that it lacks."""
    has = allocatable(node)
    reasons = Reasons()
    if len(pods_on_node) + 1 > has.get("pods", 0):
        reasons.append("Too many pods")
    for name, asked in pod_requests(pod).items():
        counted = name in {"cpu", "memory", "ephemeral-storage"} or is_scalar(name)
        if not asked or not counted:
            continue
        if is_extended(name) and (
            name in ignored or name.split("/")[0] in ignored_groups
        ):
            continue
        used = sum(pod_requests(other).get(name, 0) for other in pods_on_node)
        if asked > has.get(name, 0) - used:
            reasons.append(f"Insufficient {name}")
            reasons.unresolvable |= asked > has.get(name, 0)
    return reasons


def raw(
    pod: Pod,
    nodes: list[Node],
    pods_on: list[list[Pod]],
    strategy: Strategy = LEAST_ALLOCATED,
) -> list[int]:
    """Score each node by what would be taken of each resource."""
    return [
        _score(pod, node, others, strategy)
        for node, others in zip(nodes, pods_on, strict=True)
    ]


def taken_and_size(
    pod: Pod, node: Node, pods_on_node: list[Pod], name: str, *, scoring: bool
) -> tuple[int, int] | None:
    """Return how much of a resource would be taken, of how much; None = left out.

    `scoring` counts cpu and memory for containers that ask for none.
    """
    of_incoming = incoming_scoring_requests if scoring else pod_requests
    of_placed = placed_scoring_requests if scoring else pod_requests
    asked = of_incoming(pod).get(name, 0)
    size = allocatable(node).get(name, 0)
    if not size or (is_scalar(name) and not asked):
        return None
    return asked + sum(of_placed(other).get(name, 0) for other in pods_on_node), size


def broken_line(shape: tuple[tuple[int, int], ...], percent: int) -> int:
    """Interpolate a score between the points, truncating toward zero."""
    if percent <= shape[0][0]:
        return shape[0][1]
    for (x0, y0), (x1, y1) in pairwise(shape):
        if percent <= x1:
            return y0 + int(Fraction((y1 - y0) * (percent - x0), x1 - x0))
    return shape[-1][1]


def _score(pod: Pod, node: Node, pods_on_node: list[Pod], strategy: Strategy) -> int:
    total = weights = 0
    for name, weight in strategy.resources:
        amounts = taken_and_size(pod, node, pods_on_node, name, scoring=True)
        if amounts is None:
            continue
        score = _resource_score(*amounts, strategy)
        if strategy.type == "RequestedToCapacityRatio" and score <= 0:
            continue
        total += score * weight
        weights += weight
    if not weights:
        return 0
    if strategy.type == "RequestedToCapacityRatio":
        return (2 * total + weights) // (2 * weights)  # rounded, a half up
    return total // weights


def _resource_score(taken: int, size: int, strategy: Strategy) -> int:
    if strategy.type == "LeastAllocated":
        return max(size - taken, 0) * 100 // size
    if strategy.type == "MostAllocated":
        return min(taken, size) * 100 // size
    percent = 100 if taken > size else taken * 100 // size
    tenfold = tuple((x, 10 * y) for x, y in strategy.shape)
    return broken_line(tenfold, percent)
