"""The frame of the command line: help, lazy loading, errors, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from schedbench.cli import main
from schedbench.errors import InputError

HEAVY = ("numba", "numpy", "pandas", "matplotlib", "scipy", "pyarrow")

PROBE = """
import sys, time
from schedbench.cli.main import invoke
code = invoke({arguments!r})
heavy = [name for name in {heavy!r} if name in sys.modules]
print("PROBE", code, time.process_time(), *heavy)
"""


def probe(*arguments: str) -> tuple[int, float, list[str], str]:
    """Run in a fresh Python; return code, CPU seconds, heavy modules, and stdout."""
    program = PROBE.format(arguments=list(arguments), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    text, _, told = done.stdout.rpartition("PROBE ")
    code, seconds, *heavy = told.split()
    return int(code), float(seconds), heavy, text


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["--version"], id="version"),
        pytest.param(["list", "policies"], id="list policies"),
        pytest.param(["run", "--help"], id="help of run"),
        pytest.param(["list", "plots"], id="list plots"),
    ],
)
def test_light(arguments):
    """Answers that need no numbers come within 0.3 s and load no heavy library."""
    runs = [probe(*arguments) for _ in range(3)]

    assert [run[0] for run in runs] == [0, 0, 0]
    assert [run[2] for run in runs] == [[], [], []]
    assert min(run[1] for run in runs) < 0.3


@pytest.mark.parametrize("name", main.COMMANDS)
def test_help_of_commands(cli, name):
    """Every command has help with a sentence and an example."""
    found = cli(name, "--help")

    assert found.code == 0
    assert f"Usage: schedbench {name}" in found.out
    assert "Example" in found.out
    assert f"schedbench {name}" in found.out.partition("Example")[2]


def test_help_lists_commands_and_exit_codes(cli):
    """The help names every command and every exit code."""
    found = cli("--help")

    assert all(f"\n  {name} " in found.out for name in main.COMMANDS)
    assert all(f"\n    {code} " in found.out for code in (0, 1, 2, 3, 130))


def test_nothing_to_do(cli):
    """Without a command the help is printed, and the code is that of wrong usage."""
    found = cli()

    assert (found.code, found.out) == (2, "")
    assert "Usage: schedbench" in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["rnu"], "no such command: 'rnu'; did you mean 'run'?", id="a command"
        ),
        pytest.param(
            ["run", "x", "--polcy", "y"],
            "no such option '--polcy'; did you mean '--policy'?",
            id="an option",
        ),
        pytest.param(["list", "polices"], "no such command 'polices'", id="a list"),
        pytest.param(["run"], "missing argument 'FILE...'", id="an argument"),
        pytest.param(
            ["run", "x", "--seed", "y"],
            "invalid value for '--seed': 'y' is not a whole number from 0",
            id="a number",
        ),
    ],
)
def test_wrong_usage(cli, arguments, message):
    """Wrong usage ends with 2, one error line, and where to find help."""
    found = cli(*arguments)
    first, *rest = found.err.splitlines()

    assert (found.code, found.out) == (2, "")
    assert first.startswith(f"error: {message}")
    assert [line.endswith("--help tells more") for line in rest] == [True]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        pytest.param(InputError("bad", fix="mend it"), 2, "bad; mend it", id="input"),
        pytest.param(KeyboardInterrupt(), 130, "interrupted", id="ctrl-c"),
    ],
)
def test_errors(cli, monkeypatch, error, code, message):
    """An error on purpose is its message alone, with the code of its class."""

    def fail(*_):
        raise error

    monkeypatch.setattr("schedbench.experiment.environment.environment", fail)
    found = cli("env")

    assert (found.code, found.out) == (code, "")
    assert found.err.strip() == f"error: {message}"


@pytest.mark.parametrize("how", ["SCHEDBENCH_DEBUG", "-vv"])
def test_traceback_on_demand(cli, monkeypatch, how):
    """The traceback is shown to those who ask for it."""

    def fail():
        raise InputError("bad")

    monkeypatch.setattr("schedbench.experiment.environment.environment", fail)
    if how.startswith("-"):
        found = cli("env", how)
    else:
        monkeypatch.setenv(how, "1")
        found = cli("env")

    assert found.code == 2
    assert "Traceback" in found.err


def test_closed_pipe():
    """A reader that has read enough ends the command without a word."""
    with subprocess.Popen(
        [sys.executable, "-m", "schedbench", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        told = process.stderr.read()
        code = process.wait()

    assert (code, told) == (0, b"")


def test_module_and_command_are_the_same():
    """`python -m schedbench` is the command."""
    done = subprocess.run(
        [sys.executable, "-m", "schedbench", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("schedbench, version ")
