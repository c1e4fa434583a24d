"""Run a grid into a folder, going on where an earlier run stopped."""

from __future__ import annotations

import contextlib
import datetime as dt
import fnmatch
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import schedbench
from schedbench.errors import InputError, SchedbenchError
from schedbench.experiment.backends.base import Backend, Work
from schedbench.experiment.backends.loky import Loky
from schedbench.experiment.caveats import caveats
from schedbench.experiment.cell import SCHEMA_VERSION, Cell, CellResult
from schedbench.experiment.environment import environment
from schedbench.experiment.execute import run_cell
from schedbench.experiment.folder import (
    MANIFEST,
    cell_folder,
    clean,
    read_manifest,
    sole_writer,
    stored_cell,
    write_manifest,
)
from schedbench.experiment.grid import Grid
from schedbench.experiment.progress import Progress, RunSummary
from schedbench.experiment.store import RESULTS, collect
from schedbench.experiment.work import CellFunction


def run_grid(
    grid: Grid,
    out: Path,
    *,
    jobs: int = 2,
    backend: Backend | None = None,
    timeout: float | None = None,
    force: bool = False,
    force_policies: Sequence[str] = (),
    progress: Callable[[Progress], None] | None = None,
    strict: bool = False,
    warmup: Callable[[Sequence[str]], object] | None = None,
    cell_function: CellFunction = run_cell,
    command: str = "",
    rerun: str = "",
) -> RunSummary:
    """Run the cells of a grid that `out` does not hold yet.

    A cell is stored as soon as it ends, so neither Ctrl-C nor a kill loses a finished
    one. Cells that failed, timed out or were skipped are
    tried again. `results.parquet` is written at the end, and after Ctrl-C.

    Parameters
    ----------
    jobs
        Processes of this machine; 1 = this one.
    backend
        What works the cells off instead, opened and closed by the caller.
    timeout
        Seconds of wall time a cell may take.
    force, force_policies
        Run finished cells again: all, or those whose policy fits a pattern.
    progress
        Called after every cell.
    strict
        Stop at the first cell that fails, with its error.
    warmup
        Called once, in this process, with the policies' specs, before cells are run:
        it compiles what the workers would otherwise all compile at once. Workers of a
        cluster compile for themselves, before a cell's time runs.
    cell_function
        What runs one cell.
    command, rerun
        For the manifest: what was typed, and what repeats the run.

    Raises
    ------
    InputError
        If another run is writing to `out`, or a parameter makes no sense.
    SchedbenchError
        If results cannot be written, workers cannot start, or, when strict, a cell
        failed.
    """
    if timeout is not None and not timeout > 0:
        raise InputError("time limit is not positive", value=timeout)
    if jobs < 1:
        raise InputError("number of jobs is not positive", value=jobs)
    backend = backend or Loky(jobs)
    backend.reach()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with sole_writer(out):
            run = _Run(grid, out, backend, progress)
            run.plan(timeout, force=force, patterns=force_policies)
            run.begin(command, rerun)
            run.work(warmup, cell_function, strict=strict)
            return run.end()
    except OSError as error:
        raise SchedbenchError(f"results cannot be written: {error}") from error


class _Run:
    """One session of a run: planned, begun, worked off, ended."""

    def __init__(
        self,
        grid: Grid,
        out: Path,
        backend: Backend,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.grid, self.out, self.backend, self.progress = grid, out, backend, progress
        self.start = time.monotonic()
        self.results: dict[str, CellResult] = {}
        self.pending: list[Cell] = []
        self.replaced: set[str] = set()
        self.reused = 0
        self.interrupted = False
        self.failure: CellResult | None = None
        self.manifest: dict[str, Any] = {}

    def plan(
        self, timeout: float | None, *, force: bool, patterns: Sequence[str]
    ) -> None:
        """Part the cells into those that are finished and those to run."""
        for pattern in patterns:
            if not any(_fits(policy.spec, [pattern]) for policy in self.grid.policies):
                raise InputError(
                    "no policy of the grid fits the one to run again", value=pattern
                )
        clean(self.out)
        self.cells = list(self.grid.cells(timeout))
        for cell in self.cells:
            stored = stored_cell(self.out, cell.key)
            finished = stored is not None and stored.status == "done"
            if finished and (force or _fits(cell.policy.spec, patterns)):
                self.replaced.add(cell.key)
                self.pending.append(cell)
            elif stored is not None and finished:
                self.results[cell.key] = stored
            else:
                shutil.rmtree(cell_folder(self.out, cell.key), ignore_errors=True)
                self.pending.append(cell)
        self.reused = len(self.results)

    def begin(self, command: str, rerun: str) -> None:
        """Write the manifest, keeping what it says of earlier sessions."""
        earlier: dict[str, Any] = {}
        if (self.out / MANIFEST).exists():
            with contextlib.suppress(InputError):
                earlier = read_manifest(self.out)
        here = environment()
        self.manifest = {
            "schema_version": SCHEMA_VERSION,
            "id": self.out.resolve().name,
            "created": earlier.get("created", _now()),
            "updated": _now(),
            "status": "running",
            "version": schedbench.__version__,
            "git": here["git"],
            "command": command,
            "rerun": rerun or command,
            **self.grid.axes(),
            "environment": here,
            "sessions": [
                *earlier.get("sessions", []),
                {
                    "started": _now(),
                    **self.backend.session(),
                    "cells": len(self.pending),
                    "machine": here["cpu"]["model"],
                    "libraries": here["libraries"],
                },
            ],
            "warnings": [],
            "cells": [cell.identity() for cell in self.cells],
        }
        (self.out / RESULTS).unlink(missing_ok=True)
        write_manifest(self.out, self.manifest)
        if self.reused:
            self.tell(f"{self.reused} of {len(self.cells)} cells are there already")

    def work(
        self,
        warmup: Callable[[Sequence[str]], object] | None,
        function: CellFunction,
        *,
        strict: bool,
    ) -> None:
        """Run the pending cells until they end, one fails, or Ctrl-C."""
        try:
            warm = warmup is not None and bool(self.pending)
            if warmup is not None and warm and self.backend.here:
                warmup([policy.spec for policy in self.grid.policies])
            results = self.backend.work_off(
                Work(self.out, self.pending, function, self.replaced, warm, self.tell)
            )
            with contextlib.closing(results):  # type: ignore[type-var]
                for result in results:
                    self.results[result.key] = result
                    self.tell(result=result)
                    if strict and result.status in {"failed", "timeout"}:
                        self.failure = result
                        break
        except KeyboardInterrupt:
            self.interrupted = True

    def end(self) -> RunSummary:
        """Collect what exists and say how to go on."""
        clean(self.out)
        order = {cell.key: cell for cell in self.cells}
        missing = [cell for cell in self.cells if cell.key not in self.results]
        self.manifest["updated"] = _now()
        self.manifest["sessions"][-1] |= {**self.backend.session(), "ended": _now()}
        self.manifest["status"] = "interrupted" if missing else "done"
        self.manifest["warnings"] = caveats(self.manifest, list(self.results.values()))
        write_manifest(self.out, self.manifest)
        collect(self.out)
        if self.failure is not None:
            reason = (self.failure.error or "").splitlines()[-1]
            raise SchedbenchError(f"{order[self.failure.key].label}: {reason}")
        hint = ""
        if missing:
            hint = (
                f"{len(missing)} of {len(self.cells)} cells are missing; "
                f"the same command with --out {self.out} goes on from here"
            )
        return RunSummary(
            self.out,
            [
                self.results.get(cell.key) or CellResult.of(cell, "interrupted")
                for cell in self.cells
            ],
            self.reused,
            self.interrupted,
            time.monotonic() - self.start,
            hint,
        )

    def tell(
        self, message: str | None = None, result: CellResult | None = None
    ) -> None:
        """Report progress, with the time the remaining cells may take."""
        if self.progress is None:
            return
        seconds = time.monotonic() - self.start
        done, fresh = len(self.results), len(self.results) - self.reused
        left = len(self.cells) - done
        remaining = seconds / fresh * left if fresh else None
        self.progress(
            Progress(
                done, len(self.cells), self.reused, seconds, remaining, result, message
            )
        )


def _fits(spec: str, patterns: Sequence[str]) -> bool:
    """Tell whether a policy's spec, or its name alone, fits one of the patterns."""
    name = spec.partition("[")[0]
    return any(
        pattern in {spec, name} or fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
