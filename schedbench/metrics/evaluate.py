"""All metrics of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedbench.metrics.table import METRICS, Value
from schedbench.metrics.timeline import Timeline
from schedbench.simulation.record import Record

if TYPE_CHECKING:
    from schedbench.cluster.encode import EncodedWorkload


def evaluate(encoded: EncodedWorkload, record: Record) -> dict[str, Value]:
    """Return every quality metric by name; None = not defined for this workload."""
    timeline = Timeline(encoded, record)
    return {
        metric.name: metric.function(timeline)
        for metric in METRICS.values()
        if metric.kind == "quality"
    }


def wall_clock(record: Record) -> dict[str, Value]:
    """Return every wall-clock metric by name; None = nothing was timed."""
    return {
        metric.name: metric.function(record.wall)
        for metric in METRICS.values()
        if metric.kind == "wall_clock"
    }
