"""How the validator tells what is wrong."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """A hard constraint that a log breaks.

    Attributes
    ----------
    pod, node
        Names; empty where none is concerned.
    time
        Simulated seconds.
    rule
        Name of the broken rule.
    detail
        The values that contradict each other.
    """

    pod: str
    node: str
    time: float
    rule: str
    detail: str
