"""All metrics of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedbench.metrics.metric import Value
from schedbench.metrics.table import METRICS

if TYPE_CHECKING:
    from schedbench.metrics.course import Course
    from schedbench.metrics.timeline import Timeline
    from schedbench.simulation.record import Record


def evaluate(timeline: Timeline) -> dict[str, Value]:
    """Return every quality metric by name; None = not defined for this workload."""
    return {
        metric.name: metric.function(timeline)
        for metric in METRICS.values()
        if metric.kind == "quality"
    }


def evaluate_end_to_end(course: Course) -> dict[str, Value]:
    """Return every metric of a run played end to end; None = not defined for it."""
    return {
        metric.name: metric.function(course)
        for metric in METRICS.values()
        if metric.kind == "end_to_end"
    }


def wall_clock(record: Record) -> dict[str, Value]:
    """Return every wall-clock metric by name; None = nothing was timed."""
    return {
        metric.name: metric.function(record.wall)
        for metric in METRICS.values()
        if metric.kind == "wall_clock"
    }
