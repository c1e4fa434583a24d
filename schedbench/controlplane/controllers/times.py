"""Times as the API writes them: RFC 3339 texts of simulated seconds."""

from __future__ import annotations

import datetime as dt

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When a simulation starts."""


def to_text(seconds: float) -> str:
    """Return a simulated time as text, to the microsecond."""
    time = EPOCH + dt.timedelta(seconds=seconds)
    return time.isoformat().replace("+00:00", "Z")


def to_seconds(text: str) -> float:
    """Return the simulated seconds of a text; a plain number stands for itself."""
    if "T" not in text:
        return float(text)
    return (dt.datetime.fromisoformat(text) - EPOCH).total_seconds()
