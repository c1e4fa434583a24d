"""A scenario and cell functions that need no simulator, importable by workers."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from schedbench.errors import PolicyError, TimeLimitError
from schedbench.experiment.cell import Cell, CellResult
from schedbench.experiment.execute import time_limit
from schedbench.experiment.grid import Grid
from schedbench.experiment.runner import run_grid

CODE = "code of the tests"
"""Stands for the package's hash, so that editing while tests run harms nothing."""

WORTH = {"good": 1.2, "plain": 1.0, "bad": 0.9}


@dataclasses.dataclass(frozen=True)
class StubScenario:
    """Looks like a scenario; `build` is never called by the stub functions."""

    name: str = "small"
    size: str = "5"
    content: str = "a"
    labels: tuple[str, ...] = ("test",)
    policies: tuple[str, ...] = ("plain", "good")
    baseline: str = "plain"
    thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    end_to_end: None = None

    def digest(self) -> str:
        return f"digest of {self.name}/{self.size}/{self.content}"

    def build(self, seed: int):
        raise AssertionError("the stubs build nothing")


def stub_grid(policies=("plain", "good"), seeds=(0, 1, 2), scenarios=None) -> Grid:
    return Grid.of(scenarios or [StubScenario()], list(policies), list(seeds))


def stub_cell(cell: Cell) -> CellResult:
    """Give numbers that depend on policy and seed alone, at once."""
    result = CellResult.of(cell, "done")
    result.nodes, result.pods = 5, 100
    worth = WORTH.get(cell.policy.spec, 1.0)
    result.placement_digest = f"{cell.policy.spec}-{cell.seed}"
    result.metrics = {
        "pods_bound": round(100 * worth) + cell.seed,
        "pods_pending": 10 - cell.seed,
        "slowdown_mean": None,
    }
    result.wall_clock = {"schedule_seconds": 0.5, "decisions_per_second": 200.0}
    result.tables = {
        "placements": pa.table({"time": [0.0], "kind": ["bind"]}),
        "samples": pa.table({"time": [0.0, 1.0], "pods_bound": [0, 100]}),
        "node_fill": pa.table({"time": [0.0], "node_bin": [0], "fill": [0.5]}),
        "rejections": pa.table(
            {"plugin": ["P"], "reason": ["no"], "nodes": [cell.seed]}
        ),
    }
    return result


def slow_cell(cell: Cell) -> CellResult:
    time.sleep(0.3)
    return stub_cell(cell)


def failing_cell(cell: Cell) -> CellResult:
    """Fail under `bad` in three ways, by seed."""
    if cell.policy.spec != "bad":
        return stub_cell(cell)
    if cell.seed == 0:
        raise ZeroDivisionError("a bug in the policy")
    if cell.seed == 1:
        raise PolicyError("chose an infeasible node")
    return CellResult.of(cell, "timeout", "too slow")


def deadly_cell(cell: Cell) -> CellResult:
    """Kill the process under `bad`."""
    if cell.policy.spec == "bad":
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return slow_cell(cell)


def deadly_once_cell(cell: Cell) -> CellResult:
    """Kill the process under `bad[flag=FILE]` if the file is not there yet."""
    if cell.policy.spec.startswith("bad"):
        flag = Path(cell.policy.spec.partition("=")[2].rstrip("]"))
        if not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return stub_cell(cell)


def telling_cell(cell: Cell) -> CellResult:
    """Note the process, and whether there is a run's folder in sight of it."""
    result = stub_cell(cell)
    folder = Path("cells")
    result.notes = [
        f"{os.getpid()} {'cells' if folder.exists() else 'nothing written'}"
    ]
    return result


def limited_cell(cell: Cell) -> CellResult:
    """Run for ever under `endless`, but for the cell's time limit."""
    result = stub_cell(cell)
    try:
        with time_limit(cell.timeout):
            while cell.policy.spec == "endless":
                pass
    except TimeLimitError as error:
        return CellResult.of(cell, "timeout", str(error))
    return result


def interrupting_cell(cell: Cell) -> CellResult:
    """Press Ctrl-C in the third seed."""
    if cell.seed == 2:
        raise KeyboardInterrupt
    return stub_cell(cell)


if __name__ == "__main__":
    # a run to be killed: OUT JOBS
    import experiment_stubs  # pickled by this name, which workers can import

    from schedbench.experiment import cell as cell_module

    cell_module.code_digest = lambda: CODE
    summary = run_grid(
        experiment_stubs.stub_grid(seeds=range(10)),
        Path(sys.argv[1]),
        jobs=int(sys.argv[2]),
        cell_function=experiment_stubs.slow_cell,
    )
    sys.stderr.write(f"{summary.hint}\n")
    sys.exit(summary.exit_code)
