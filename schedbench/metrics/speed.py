"""How fast this machine was: wall-clock figures, never mixed with simulated time."""

from __future__ import annotations

import numpy as np

from schedbench.simulation.record import WallClock


def decisions_per_second(wall: WallClock) -> float | None:
    """Return scheduling calls per second of scheduling; None if none was timed."""
    return wall.decisions / wall.schedule_seconds if wall.schedule_seconds > 0 else None


def latency_percentile(wall: WallClock, percent: float) -> float | None:
    """Return a percentile of the time of one scheduling call, in microseconds."""
    if len(wall.latency_ns) == 0:
        return None
    return float(np.percentile(wall.latency_ns, percent)) / 1000.0
