"""What a metric is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

Value = float | int | None
Kind = Literal["quality", "end_to_end", "wall_clock"]
Direction = Literal["up", "down", "none"]


@dataclasses.dataclass(frozen=True, slots=True)
class Metric:
    """A number that says how a run went.

    Attributes
    ----------
    name
        Its column in the results.
    unit
        `pods`, `nodes`, `fraction`, `s` …; empty for a plain number.
    better
        Which way is better: `up`, `down`, or `none`.
    kind
        `quality` and `end_to_end` are simulated and the same on every machine, the
        latter only of runs that play the whole cluster; `wall_clock` is this
        machine's.
    function
        From a `Timeline` (quality), a `Course` (end_to_end) or a `WallClock` to the
        value; None = not defined for this workload.
    description
        One sentence.
    """

    name: str
    unit: str
    better: Direction
    kind: Kind
    function: Callable[..., Value]
    description: str

    @property
    def simulated(self) -> bool:
        """Whether it is the same on every machine."""
        return self.kind != "wall_clock"
