"""GpuClustering: pods that take GPUs alike go together."""

from __future__ import annotations

from naive.gpu import LARGEST, Demand, View


def raw(wanted: Demand, seen: View, largest: tuple[int, int] = LARGEST) -> int:
    """Score the company on the node, and within it the fuller node."""
    if not wanted.count:
        return 0
    fullness = 25 * (largest[1] - seen.idle) // largest[1]
    if wanted.tag in seen.tags:
        return fullness + (75 if len(seen.tags) == 1 else 50)
    return fullness + (0 if seen.tags else 25)
