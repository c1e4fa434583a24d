"""What a cluster's worker does: run one cell and return everything, writing nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import pickle
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import schedbench
from schedbench.experiment.cell import Cell, CellResult
from schedbench.experiment.environment import cpu
from schedbench.experiment.fingerprint import code_digest
from schedbench.experiment.work import CellFunction

_ONE_AT_A_TIME = threading.Lock()
"""A worker may have several threads, but its cells share workload and folder."""


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """A cell on its way to a worker.

    Attributes
    ----------
    folder
        The driver's working directory, from which relative paths are read.
    warm
        Whether to compile what the cell needs before its time runs.
    """

    cell: Cell
    function: CellFunction
    folder: str
    warm: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a worker returns.

    Attributes
    ----------
    result
        The cell's numbers and tables; None if they could not be had.
    error
        Why there is no result.
    refusal
        Why this worker can run none of the driver's cells.
    machine
        The model of the worker's CPU.
    """

    result: CellResult | None = None
    error: str = ""
    refusal: str = ""
    machine: str = ""


def packed(cell: Cell, function: CellFunction, *, warm: bool) -> tuple[str, bytes]:
    """Return the arguments of `run_there` for a cell."""
    task = Task(cell, function, str(Path.cwd()), warm)
    return code_digest(), pickle.dumps(task)


def run_there(code: str, content: bytes) -> Answer:
    """Run a packed cell on this worker; never raises.

    `code` is the hash of the driver's sources: a cell is stored under it, so that a
    worker with others must not run it.
    """
    machine = _machine()
    if code != code_digest():
        version = schedbench.__version__
        return Answer(
            refusal=f"it has other sources of schedbench (version {version})",
            machine=machine,
        )
    with _ONE_AT_A_TIME:
        try:
            task: Task = pickle.loads(content)  # noqa: S301 (from our own driver)
            with _working_in(task.folder):
                _check_policy(task.cell)
                if task.warm:
                    _warm(task.cell.policy.spec, task.cell.engine)
                return Answer(task.function(task.cell), machine=machine)
        except Exception:  # noqa: BLE001 (a cell fails alone)
            tail = traceback.format_exc().strip().splitlines()[-12:]
            return Answer(error="\n".join(tail), machine=machine)


def _check_policy(cell: Cell) -> None:
    """Refuse a policy of the user's own whose file is another one here."""
    if cell.policy.source_digest is None:
        return
    from schedbench.errors import InputError
    from schedbench.policies.registry import make_policy

    if make_policy(cell.policy.spec).source_digest != cell.policy.source_digest:
        raise InputError(
            "the worker's file of the policy is not the one the run was started with",
            value=cell.policy.spec,
            fix="give all workers the same file",
        )


@functools.cache
def _warm(spec: str, engine: str) -> None:
    from schedbench.experiment.warmup import warm_up

    warm_up([spec], engines=(engine,))


@contextlib.contextmanager
def _working_in(folder: str) -> Iterator[None]:
    """Read relative paths as the driver does, where its folder exists."""
    if not Path(folder).is_dir():
        yield
        return
    with contextlib.chdir(folder):
        yield


@functools.cache
def _machine() -> str:
    return str(cpu()["model"])
