"""The command line called in process, small inputs for it, and one real run."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import NamedTuple

import experiment_stubs as stubs
import pytest

from schedbench.cli.main import invoke
from schedbench.experiment.runner import run_grid

TINY = """\
name: tiny
labels: [toy]
cluster:
  nodes: 3
  pools: [{name: a, share: 1, cpu: 4, memory: 8Gi}]
workload:
  streams:
    - name: s
      count: 8
      classes: [{name: c, cpu: 1, memory: 1Gi}]
policies: [best-fit, random]
seeds: {first: 3, repeats: 2}
"""


class Outcome(NamedTuple):
    """What a call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


@pytest.fixture
def cli(capfd):
    """Call the command line with arguments; return exit code, stdout and stderr."""

    def call(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = invoke([str(each) for each in arguments])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working directory with `tiny.yaml` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


@pytest.fixture
def stub_run(tmp_path, monkeypatch):
    """Make the folder of a run whose cells were made up at once."""
    monkeypatch.setattr("schedbench.experiment.cell.code_digest", lambda: stubs.CODE)

    def make(name: str, **changes) -> Path:
        run_grid(
            stubs.stub_grid(**changes),
            tmp_path / name,
            jobs=1,
            cell_function=stubs.stub_cell,
            command="schedbench run small",
        )
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def real_run(tmp_path_factory) -> tuple[Path, Outcome]:
    """The folder and the JSON of one real run of `tiny.yaml`."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "tiny.yaml").write_text(TINY)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke(
            ["run", str(folder / "tiny.yaml"), "-j1", "--json", "-o", str(folder / "r")]
        )
    return folder / "r", Outcome(code, out.getvalue(), err.getvalue())
