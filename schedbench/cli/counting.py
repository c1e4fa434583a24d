"""How far a count of like things is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from schedbench.cli import output
from schedbench.cli.progress import LINE_EVERY_SECONDS, make_bar


class Counting:
    """Shows on stderr how many are done while the body of a `with` runs."""

    def __init__(self, things: str, total: int) -> None:
        self._things = things
        self._total = total
        self._bar: Any = None
        self._task: Any = None
        self._done = 0
        self._started = self._last_line = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and output.verbosity() >= 0:
            self._bar = make_bar()
            self._task = self._bar.add_task(
                self._things, total=self._total, speed="", left=""
            )
            self._bar.start()
        self._started = self._last_line = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def add(self, count: int = 1) -> None:
        """Count some more as done."""
        self._done += count
        now = time.monotonic()
        speed = f"{self._done / max(now - self._started, 1e-9):.1f}/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, speed=speed)
        elif now >= self._last_line + LINE_EVERY_SECONDS:
            self._last_line = now
            output.note(f"{self._done:,}/{self._total:,} {self._things}, {speed}")
