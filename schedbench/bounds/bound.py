"""What a bound is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

Status = Literal["optimal", "time limit", "failed"]
Validity = Literal[
    "every run", "runs that bind every pod", "runs in which no pod waits"
]

SLACK = 1e-9
"""Relative allowance for rounding, always on the side that weakens a bound."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """The best value of a metric that any policy can reach, or a value beyond it.

    Attributes
    ----------
    metric
        Name of the metric; its direction says whether this is a floor or a ceiling.
    value
        In the metric's unit.
    method
        How it was found.
    status
        `optimal` if the relaxation was solved to its end; `time limit` if the solver
        was stopped, whose bound so far still holds; `failed` if a weaker one stands in.
    gap
        |value of the best placement found − bound| ÷ |that value|; 0 if the bound is
        reached by a placement, NaN if none was looked for.
    valid_for
        The runs that it binds.
    ignores
        Rules of the workload that the relaxation leaves out.
    seconds, time_limit
        Wall time that it took, and that each call of a solver was given.
    """

    metric: str
    value: float
    method: str
    status: Status = "optimal"
    gap: float = math.nan
    valid_for: Validity = "every run"
    ignores: str = ""
    seconds: float = 0.0
    time_limit: float = math.inf


def floor_whole(value: float) -> int:
    """Return the largest whole number that a ceiling of `value` allows."""
    return math.floor(value + SLACK * max(1.0, abs(value)))


def ceil_whole(value: float) -> int:
    """Return the smallest whole number that a floor of `value` allows."""
    return math.ceil(value - SLACK * max(1.0, abs(value)))


def holds_for(valid_for: Validity, metrics: Mapping[str, float | None]) -> bool:
    """Tell whether a run is one of those that a bound binds.

    Parameters
    ----------
    metrics
        The run's counts of pods, by the metrics' names.
    """
    if valid_for == "every run":
        return True
    whole = metrics["pods_bound"] == metrics["pods_total"]
    if valid_for == "runs that bind every pod":
        return whole and not metrics["pods_preempted"]
    moved = ("unschedulable_attempts", "pods_evicted", "pods_preempted")
    return whole and not any(metrics[name] for name in moved)
