"""How long pods wait, in simulated seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.timeline import Timeline
from schedbench.simulation.record import EventKind


def _judged(timeline: Timeline) -> NDArray[np.bool_]:
    """Return the pods whose scheduling counts: measured and not bound on arrival."""
    pods = timeline.encoded.workload.pods
    return pods.measured & (pods.node < 0)


def queue_waits(timeline: Timeline) -> NDArray[np.float64]:
    """Return first bind − arrival of the measured pods that were bound, in seconds."""
    waits = timeline.first(EventKind.BIND) - timeline.first(EventKind.ARRIVE)
    waits = waits[_judged(timeline)]
    return waits[np.isfinite(waits)]


def slowdowns(timeline: Timeline) -> NDArray[np.float64]:
    """Return (finish − arrival) ÷ duration of the measured pods that finished."""
    duration = timeline.encoded.workload.pods.duration
    stay = timeline.last(EventKind.FINISH) - timeline.first(EventKind.ARRIVE)
    counted = _judged(timeline) & np.isfinite(stay) & (duration > 0)
    return stay[counted] / duration[counted]


def queue_wait_mean(timeline: Timeline) -> float | None:
    """Return the mean queue wait; None if no pod was bound."""
    waits = queue_waits(timeline)
    return float(waits.mean()) if len(waits) else None


def queue_wait_percentile(timeline: Timeline, percent: float) -> float | None:
    """Return a percentile of the queue waits; None if no pod was bound."""
    waits = queue_waits(timeline)
    return float(np.percentile(waits, percent)) if len(waits) else None


def slowdown_mean(timeline: Timeline) -> float | None:
    """Return the mean slowdown; None if no pod finished."""
    values = slowdowns(timeline)
    return float(values.mean()) if len(values) else None


def slowdown_percentile(timeline: Timeline, percent: float) -> float | None:
    """Return a percentile of the slowdowns; None if no pod finished."""
    values = slowdowns(timeline)
    return float(np.percentile(values, percent)) if len(values) else None


def makespan(timeline: Timeline) -> float | None:
    """Return last finish − first arrival; None if no pod finished."""
    record = timeline.record
    finished = record.time[record.kind == EventKind.FINISH]
    arrived = record.time[record.kind == EventKind.ARRIVE]
    if len(finished) == 0 or len(arrived) == 0:
        return None
    return float(finished.max() - arrived.min())
