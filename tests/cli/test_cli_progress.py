"""Progress: a bar for a person, a line now and then for a log."""

from __future__ import annotations

import io
import sys

import pytest

from schedbench.cli import output, progress
from schedbench.experiment.cell import CellResult
from schedbench.experiment.progress import Progress

RESULT = CellResult("k", "s", "z", "p", 1, "scan", "done", stages={"build": 2.0})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(done, total=4, seconds=2.0, remaining=6.0, **changes) -> Progress:
    return Progress(done, total, 0, seconds, remaining, **changes)


@pytest.fixture(autouse=True)
def _as_usual():
    output.reset_verbosity()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(step(1), "1/4 cells, 30.0/min, 6.0 s left", id="slow cells"),
        pytest.param(step(4, remaining=0.0), "4/4 cells, 2.0/s", id="the last cell"),
        pytest.param(Progress(2, 4, 2, 1.0, None), "2/4 cells", id="only reused cells"),
    ],
)
def test_status_line(given, expected):
    """A line says how many cells ended, how fast, and how long the rest takes."""
    assert progress.status_line(given) == expected


def test_lines_are_rare(capsys):
    """Off a terminal there is a line every ten seconds, and one at the end."""
    with progress.Reporter() as reporter:
        reporter(step(0, message="compiling"))
        for done in (1, 2, 3, 4):
            reporter(step(done, result=RESULT))
    out, err = capsys.readouterr()

    assert out == ""
    assert err.splitlines() == ["compiling", "4/4 cells, 2.0/s"]


def test_bar(monkeypatch):
    """On a terminal a bar shows cells, rate and remaining time, on stderr."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    with progress.Reporter() as reporter:
        reporter(step(1, result=RESULT))
    shown = stream.getvalue()

    assert "1/4" in shown
    assert "30.0/min" in shown
    assert "6.0 s left" in shown
