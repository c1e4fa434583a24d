"""DotProd: the node whose free vector is least aligned with the request."""

from __future__ import annotations

from naive.gpu import LARGEST, Demand, View


def raw(wanted: Demand, seen: View, largest: tuple[int, int] = LARGEST) -> int:
    """Score 0..100 by the product of free and asked, over the largest node."""
    cpu = (seen.cpu / largest[0]) * (wanted.cpu / largest[0])
    gpu = (seen.idle / largest[1]) * (wanted.total / largest[1])
    return int(100 * (1 - (cpu + gpu) / 2))
