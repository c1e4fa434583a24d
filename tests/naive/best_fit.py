"""BestFit: the node that would have least left, of cpu and GPU alike."""

from __future__ import annotations

from naive.gpu import LARGEST, Demand, View


def raw(wanted: Demand, seen: View, largest: tuple[int, int] = LARGEST) -> int:
    """Score 0..100 by what would be left, over the largest node's cpu and GPU."""
    left = (seen.cpu - wanted.cpu) / largest[0] * 0.5
    left += (seen.idle - wanted.total) / largest[1] * 0.5
    return int((1 - left) * 100)


def normalize(scores: list[int]) -> list[int]:
    """Stretch to 0..100 between the least and the greatest."""
    low, high = min(scores), max(scores)
    if low == high:
        return [0 for _ in scores]
    return [(score - low) * 100 // (high - low) for score in scores]
