"""What every back-end offers to the runner."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from schedbench.experiment.cell import Cell, CellResult
from schedbench.experiment.work import CellFunction


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """What there is to do.

    Attributes
    ----------
    out
        The run's folder.
    cells
        The cells to run.
    function
        What runs one of them; workers import it by its name.
    replaced
        Keys whose stored cell is an old one, to be run anyway.
    warm
        Whether a worker compiles what a cell needs before the cell's time runs.
    tell
        Called with what a person should know while the cells run.
    """

    out: Path
    cells: Sequence[Cell]
    function: CellFunction
    replaced: Collection[str] = ()
    warm: bool = False
    tell: Callable[[str], object] = str


class Backend(abc.ABC):
    """Works cells off, several at a time; a context manager, which ends the workers.

    Attributes
    ----------
    name
        What `--backend` calls it.
    """

    name: str

    @property
    @abc.abstractmethod
    def jobs(self) -> int:
        """Cells at a time."""

    @property
    def here(self) -> bool:
        """Whether the workers share this machine and its compile cache."""
        return True

    def reach(self) -> None:  # noqa: B027 (most have nothing to reach)
        """Connect to workers that exist already, so that an error comes early."""

    @abc.abstractmethod
    def work_off(self, work: Work) -> Iterator[CellResult]:
        """Run and store cells; yield each one's numbers as it ends, in any order.

        Raises
        ------
        SchedbenchError
            If workers cannot run cells at all.
        """

    def session(self) -> dict[str, Any]:
        """Return what the manifest says of the workers, when the cells have ended."""
        return {"backend": self.name, "jobs": self.jobs}

    def close(self) -> None:  # noqa: B027 (loky's workers end by themselves)
        """End the workers that were started, and leave those that were not."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
