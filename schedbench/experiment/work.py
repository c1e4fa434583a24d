"""Cells at work in one process or several: each is stored by the one that ran it."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from schedbench.errors import SchedbenchError
from schedbench.experiment.cell import Cell, CellResult
from schedbench.experiment.folder import (
    clean,
    mark_started,
    started_cells,
    stored_cell,
    write_cell,
)

CellFunction = Callable[[Cell], CellResult]

DIED = (
    "the process that ran the cell died twice: out of memory, killed from outside, "
    "or a crash in compiled code"
)


def run_and_store(
    out: Path, cell: Cell, function: CellFunction, parent: int
) -> CellResult:
    """Run a cell where this is called, store it, and return its numbers.

    `parent` is the process that runs the grid.
    """
    if os.getppid() == parent:
        _end_with_parent()
    mark_started(out, cell.key)
    try:
        result = function(cell)
    except Exception:  # noqa: BLE001 (a cell fails alone)
        tail = traceback.format_exc().strip().splitlines()[-12:]
        result = CellResult.of(cell, "failed", "\n".join(tail))
    write_cell(out, result)
    return result.without_tables()


@functools.cache
def _end_with_parent() -> None:
    """End this worker soon after its parent, which may be killed without a word.

    Orphaned loky workers would go on with the queued cells, beside the next run.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def work_off(
    out: Path,
    cells: Sequence[Cell],
    function: CellFunction,
    jobs: int,
    replaced: Collection[str] = (),
) -> Iterator[CellResult]:
    """Run cells by joblib, yielding each result as it comes, in any order.

    When a worker dies, what was finished is kept; the cells at work at that moment
    are tried once more, each alone, and fail if their worker dies again.

    `replaced` are keys whose stored cell is an old one, to be run anyway.

    Raises
    ------
    SchedbenchError
        If workers die again and again without having begun a cell.
    """
    left = {cell.key: cell for cell in cells}
    idle_deaths = 0
    while left:
        try:
            for fresh in _parallel(out, list(left.values()), function, jobs):
                del left[fresh.key]
                yield fresh
        except _death():
            begun = started_cells(out) & left.keys()
            clean(out)
            for key in [key for key in left if key not in begun | set(replaced)]:
                stored = stored_cell(out, key)
                if stored is not None:
                    del left[key]
                    yield stored
            for key in sorted(begun):
                yield _alone(out, left.pop(key), function)
            idle_deaths += not begun
            if idle_deaths > 3:
                raise SchedbenchError(
                    "worker processes die before they begin a cell; "
                    "try --jobs 1 to see why"
                ) from None


def _alone(out: Path, cell: Cell, function: CellFunction) -> CellResult:
    try:
        return next(iter(list(_parallel(out, [cell], function, jobs=2))))
    except _death():
        result = CellResult.of(cell, "failed", DIED)
        write_cell(out, result)
        return result


def _parallel(
    out: Path, cells: Sequence[Cell], function: CellFunction, jobs: int
) -> Iterator[CellResult]:
    from joblib import Parallel, delayed

    with _backend(jobs):
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
        work, parent = delayed(run_and_store), os.getpid()
        tasks = (work(out, cell, function, parent) for cell in cells)
        outputs: Any = parallel(tasks)
        try:
            yield from outputs
        finally:
            with warnings.catch_warnings():
                # joblib warns when its generator is left early, as on Ctrl-C
                warnings.simplefilter("ignore", UserWarning)
                outputs.close()


@contextlib.contextmanager
def _backend(jobs: int) -> Iterator[None]:
    """Use loky with one inner thread, unless the caller configured another backend."""
    from joblib import parallel_config
    from joblib.parallel import get_active_backend

    active = type(get_active_backend()[0]).__name__
    if jobs == 1 or active != "LokyBackend":
        yield
        return
    with parallel_config(backend="loky", inner_max_num_threads=1):
        yield


def _death() -> type[BaseException]:
    from joblib.externals.loky.process_executor import BrokenProcessPool

    death: type[BaseException] = BrokenProcessPool
    return death
