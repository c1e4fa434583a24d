"""A process that measures, one job after another, beside the one that keeps results.

If it dies or hangs, the job it was at is lost, and no other.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from benchmarks.measure import Job, Measured, measure

GRACE = 60.0
"""Seconds a job may take beyond its time limit, which compiled code sees late."""
SPAWN = multiprocessing.get_context("spawn")
DIED = "the process that measured it died: out of memory, or a crash in compiled code"
HUNG = "the process that measured it had to be ended {} s beyond its time limit"

Function = Callable[[Job], Measured]


class Worker:
    """A process of its own; it begins with the first job.

    Parameters
    ----------
    function
        What does a job; picklable.
    """

    def __init__(self, function: Function = measure) -> None:
        self._function = function
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def __call__(self, job: Job) -> Measured:
        """Do a job in the process and return what came out."""
        connection = self._connected()
        limit = None if job.timeout is None else job.timeout + GRACE
        try:
            connection.send(job)
            if not connection.poll(limit):
                self.end()
                return Measured.of(job, "timeout", HUNG.format(f"{GRACE:g}"))
            found: Measured = connection.recv()
        except (EOFError, OSError):
            self.end()
            return Measured.of(job, "failed", DIED)
        return found

    def end(self) -> None:
        """End the process; the next job begins another."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection, theirs = SPAWN.Pipe()
            self._process = SPAWN.Process(
                target=_serve, args=(theirs, self._function), daemon=True
            )
            self._process.start()
            theirs.close()
        return self._connection


def _serve(connection: Connection, function: Function) -> None:
    """Do jobs until the other end is closed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            job = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        connection.send(function(job))


def _end_with_parent() -> None:
    """End this process when its parent does, which may be killed amid a job."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
