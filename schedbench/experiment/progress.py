"""What a run says while it goes on and when it has ended."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from schedbench.experiment.cell import CellResult


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; either a cell has ended or there is something to say.

    Attributes
    ----------
    done, total
        Cells with a result, those of an earlier run among them, and all cells.
    reused
        Cells taken over from an earlier run.
    seconds
        Wall time since the run began.
    remaining
        Estimate of the seconds still to go; None before the first cell has ended.
    """

    done: int
    total: int
    reused: int
    seconds: float
    remaining: float | None = None
    result: CellResult | None = None
    message: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes
    ----------
    results
        One result a cell of the grid, in the grid's order, without tables.
    reused
        How many of them an earlier run had finished.
    interrupted
        True after Ctrl-C.
    hint
        How to go on, if cells are missing; else "".
    """

    out: Path
    results: Sequence[CellResult]
    reused: int
    interrupted: bool
    seconds: float
    hint: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many cells have each status."""
        return dict(collections.Counter(result.status for result in self.results))

    @property
    def exit_code(self) -> int:
        """0 = done, 3 = some cells failed, 130 = interrupted."""
        if self.interrupted:
            return 130
        return 3 if self.counts.keys() & {"failed", "timeout"} else 0
