"""How a run shows how far it is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from schedbench.cli import output

if TYPE_CHECKING:
    from schedbench.experiment.cell import CellResult
    from schedbench.experiment.progress import Progress

LINE_EVERY_SECONDS = 10.0


class Reporter:
    """Shows progress on stderr while the body of a `with` runs."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and output.verbosity() >= 0:
            self._bar = make_bar()
            self._bar.start()
        self._last_line = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Take in what the runner tells after every cell, or between cells."""
        if progress.message is not None:
            self.say(progress.message)
        if progress.result is not None and output.verbosity() >= 1:
            self.say(_cell_line(progress.result))
        if self._bar is not None:
            self._draw(progress)
        elif progress.result is not None and self._is_due(progress):
            output.note(status_line(progress))

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            output.note(text)

    def _draw(self, progress: Progress) -> None:
        if self._task is None:
            self._task = self._bar.add_task(
                "cells", total=progress.total, speed="", left=""
            )
        self._bar.update(
            self._task,
            completed=progress.done,
            speed=speed(progress),
            left=left(progress),
        )

    def _is_due(self, progress: Progress) -> bool:
        now = time.monotonic()
        if (
            progress.done < progress.total
            and now < self._last_line + LINE_EVERY_SECONDS
        ):
            return False
        self._last_line = now
        return True


def status_line(progress: Progress) -> str:
    """Return `12/60 cells, 0.8/s, 60 s left`."""
    parts = [f"{progress.done}/{progress.total} cells", speed(progress), left(progress)]
    return ", ".join(filter(None, parts))


def speed(progress: Progress) -> str:
    """Return how many cells end in a second or, if fewer than one does, in a minute."""
    fresh = progress.done - progress.reused
    if not fresh or not progress.seconds:
        return ""
    rate = fresh / progress.seconds
    return f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"


def left(progress: Progress) -> str:
    """Return how long the rest may take."""
    if progress.remaining is None or progress.done == progress.total:
        return ""
    return f"{output.duration(progress.remaining)} left"


def _cell_line(result: CellResult) -> str:
    name = f"{result.scenario}/{result.size}".rstrip("/")
    seconds = output.duration(sum(result.stages.values()))
    return f"{name}, {result.policy}, seed {result.seed}: {result.status} ({seconds})"


def make_bar() -> Any:
    """Return a bar on stderr, with columns for the speed and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True, no_color=not output.uses_color(sys.stderr)),
        transient=True,
    )
