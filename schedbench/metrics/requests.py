"""What became of the requests that came to services."""

from __future__ import annotations

from schedbench.metrics.course import Course


def requests_unserved(course: Course) -> float | None:
    """Return the share of requests that nobody served; None if none came."""
    load = course.load
    if "rate_requests" not in load:
        return None
    passed = load["time"].diff()
    offered = (load["rate_requests"] * passed).sum()
    unserved = (load["rate_unserved"] * passed).sum()
    return float(unserved / offered) if offered > 0 else None
