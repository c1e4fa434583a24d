"""DotProd: the node whose free vector is least aligned with the request."""

from __future__ import annotations

from naive.gpu import Demand, View


def raw(wanted: Demand, seen: View) -> int:
    """Score 0..100 by the product of free and asked, over the largest node."""
    cpu = (seen.cpu / 128000) * (wanted.cpu / 128000)
    gpu = (seen.idle / 8000) * (wanted.total / 8000)
    return int(100 * (1 - (cpu + gpu) / 2))
