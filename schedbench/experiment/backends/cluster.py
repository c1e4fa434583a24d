"""The driver of a cluster: sends cells out, and alone writes what comes back."""

from __future__ import annotations

import abc
import contextlib
import itertools
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Any

from schedbench.errors import InputError
from schedbench.experiment.backends.base import Backend, Work
from schedbench.experiment.backends.there import Answer, packed
from schedbench.experiment.cell import Cell, CellResult
from schedbench.experiment.folder import write_cell

AT_ONCE = 1000
"""Cells handed out before the first has ended: more workers may join at any time."""

DIED = (
    "the workers that ran the cell died: out of memory, killed from outside, or a "
    "crash in compiled code"
)
OTHER_FILES = "the worker read other files than the driver did: give both the same"
COMPILES = (
    "each worker compiles the kernels before its first cell, unless they are in its "
    "cache"
)


class Cluster(Backend):
    """Workers that are handed cells one by one and return them.

    Not by joblib's back-ends of the same names: its dask one never ends when a task's
    worker died too often, and ray's one hands results over when all have ended
    (joblib 1.6, ray 2.60).

    Parameters
    ----------
    address
        Of a cluster that exists; None = start workers on this machine.
    jobs
        Workers to start; at an address, the most cells at a time, None = as many as
        it has workers.
    """

    def __init__(self, address: str | None, jobs: int | None) -> None:
        self.address = address
        self.limit = jobs
        self.machines: set[str] = set()

    @property
    def here(self) -> bool:
        """Whether the workers share this machine and its compile cache."""
        return self.address is None

    @property
    def jobs(self) -> int:
        """Cells at a time."""
        slots = self.slots() if self.address else self.limit or 1
        return min(slots, self.limit or slots)

    def reach(self) -> None:
        """Connect to a cluster that exists."""
        if self.address is not None:
            self.connect()

    def session(self) -> dict[str, Any]:
        """Return what the manifest says of the workers, when the cells have ended."""
        known = {"machines": sorted(self.machines)} if self.machines else {}
        return {**super().session(), **known}

    @abc.abstractmethod
    def connect(self) -> None:
        """Connect to the cluster, or start it; once is enough."""

    @abc.abstractmethod
    def slots(self) -> int:
        """Return how many cells the connected cluster can run at a time."""

    @abc.abstractmethod
    def submit(self, code: str, content: bytes) -> Any:
        """Hand `run_there` and its arguments over; return a hashable handle."""

    @abc.abstractmethod
    def ended(self, handles: Collection[Any], work: Work) -> Any:
        """Wait until one of the handed out tasks has ended; return its handle."""

    @abc.abstractmethod
    def answer(self, handle: Any) -> Answer | None:
        """Return what came of a task that has ended; None if its workers died."""

    @abc.abstractmethod
    def cancel(self, handles: Collection[Any]) -> None:
        """Take tasks back."""

    def work_off(self, work: Work) -> Iterator[CellResult]:
        """Run and store cells; yield each one's numbers as it ends, in any order.

        Cells whose workers died are tried once more, each alone, and fail if they die
        again.
        """
        self.connect()
        if work.warm and not self.here:
            work.tell(COMPILES)
        died = []
        with contextlib.closing(self._answers(work, work.cells)) as answers:
            for cell, answer in answers:
                if answer is None:
                    died.append(cell)
                else:
                    yield self._store(work, cell, answer)
        for cell in died:
            ((_, answer),) = self._answers(work, [cell])
            yield self._store(work, cell, answer or Answer(error=DIED))

    def _answers(
        self, work: Work, cells: Sequence[Cell]
    ) -> Generator[tuple[Cell, Answer | None]]:
        at_once = self.limit if self.address and self.limit else AT_ONCE
        waiting = iter(cells)
        running: dict[Any, Cell] = {}
        try:
            while True:
                for cell in itertools.islice(waiting, at_once - len(running)):
                    content = packed(cell, work.function, warm=work.warm)
                    running[self.submit(*content)] = cell
                if not running:
                    return
                handle = self.ended(running, work)
                yield running.pop(handle), self.answer(handle)
        finally:
            if running:
                self.cancel(running)

    def _store(self, work: Work, cell: Cell, answer: Answer) -> CellResult:
        if answer.refusal:
            raise InputError(
                f"a worker cannot run the cells: {answer.refusal}",
                where=f"--backend {self.name}",
                fix="install the same schedbench for driver and workers, restart them",
            )
        result = answer.result or CellResult.of(cell, "failed", answer.error)
        if result.scenario_digest != cell.scenario.digest():
            result = CellResult.of(cell, "failed", OTHER_FILES)
        if answer.machine:
            self.machines.add(answer.machine)
        write_cell(work.out, result)
        return result.without_tables()
