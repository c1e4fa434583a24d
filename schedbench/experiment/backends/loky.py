"""Processes of this machine, by joblib's loky; each stores the cells that it ran."""

from __future__ import annotations

from collections.abc import Iterator

from schedbench.experiment.backends.base import Backend, Work
from schedbench.experiment.cell import CellResult
from schedbench.experiment.work import work_off


class Loky(Backend):
    """Worker processes of this machine; with one job, this process."""

    name = "loky"

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    @property
    def jobs(self) -> int:
        """Cells at a time."""
        return self._jobs

    def work_off(self, work: Work) -> Iterator[CellResult]:
        """Run and store cells; yield each one's numbers as it ends, in any order."""
        return work_off(work.out, work.cells, work.function, self._jobs, work.replaced)
