"""How fast pods get ready, and how many: from the hops of every pod."""

from __future__ import annotations

import math

import numpy as np

from schedbench.metrics import timelines
from schedbench.metrics.course import Course


def startup_percentile(course: Course, percent: float) -> float | None:
    """Return a percentile of the seconds from applied to ready; None if none was."""
    seconds = timelines.startup(course.pods).dropna()
    return float(np.percentile(seconds, percent)) if len(seconds) else None


def startup_slo(course: Course) -> float | None:
    """Return the 99th percentile that SIG Scalability limits to 5 s.

    Source: kubernetes/community, sig-scalability/slos/pod_startup_latency.md.
    """
    value = timelines.startup_slo(course.timelines).value
    return None if math.isnan(value) else value


def pods_ready(course: Course) -> int:
    """Return how many pods became ready."""
    return int(course.pods["ready"].count())


def pods_never_ready(course: Course) -> int:
    """Return how many pods are still there at the end without ever being ready.

    Those that ran to completion are not among them.
    """
    frame = course.timelines
    never = frame["ready"].isna() & (frame["applied"] >= 0) & frame["deleted"].isna()
    return int((never & (frame["phase"] != "Succeeded")).sum())


def time_to_ready_all(course: Course) -> float | None:
    """Return the seconds from the first pod applied to the last ready.

    None while a pod that is still there never was.
    """
    if pods_never_ready(course) or not pods_ready(course):
        return None
    return float(course.pods["ready"].max() - course.pods["applied"].min())


def achieved_rate(course: Course) -> float | None:
    """Return the pods a second that got ready, from the first to the last.

    None of fewer than two, or if all were ready at once.
    """
    found = timelines.saturation({"": course.timelines})["achieved"]
    rate = float(found.iloc[0])
    return rate if 0 < rate < math.inf else None
