"""The text of a failed attempt, as in the pod's condition and event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


def fit_error(nodes: int, reasons: Mapping[str, Iterable[str]]) -> str:
    """Count each reason over all nodes and sort the counted reasons as texts."""
    counts = Counter(reason for given in reasons.values() for reason in given)
    said = sorted(f"{count} {reason}" for reason, count in counts.items())
    text = f"0/{nodes} nodes are available:"
    return f"{text} {', '.join(said)}." if said else text


def stopped_error(nodes: int, message: str) -> str:
    """Say why PreFilter stopped the pod."""
    return f"0/{nodes} nodes are available: {message}."
