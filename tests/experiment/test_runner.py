"""Running a grid: resuming, failing, dying, interrupting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import experiment_stubs as stubs
import pytest

from schedbench.errors import InputError, SchedbenchError
from schedbench.experiment.folder import read_manifest, sole_writer
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results

TESTS = Path(stubs.__file__).parent


@pytest.fixture(autouse=True)
def _fixed_code(monkeypatch):
    monkeypatch.setattr("schedbench.experiment.cell.code_digest", lambda: stubs.CODE)


def run(out, cell_function=stubs.stub_cell, grid=None, **options):
    options.setdefault("jobs", 1)
    return run_grid(
        grid or stubs.stub_grid(), out, cell_function=cell_function, **options
    )


def finished(out: Path) -> dict[str, int]:
    """Return key → time of writing of every finished cell."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in (out / "cells").glob("[!.]*/cell.json")
    }


def start(out: Path, jobs: int) -> subprocess.Popen:
    """Run the twenty slow cells in a process group of their own."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    return subprocess.Popen(
        [sys.executable, str(Path(stubs.__file__)), str(out), str(jobs)],
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_cells(process: subprocess.Popen, out: Path, count: int) -> None:
    limit = time.monotonic() + 60
    while len(finished(out)) < count:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < limit, "no cells were written"
        time.sleep(0.02)


class TestRun:
    @pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "two workers"])
    def test_every_cell_has_a_result_in_the_order_of_the_grid(self, tmp_path, jobs):
        """The summary and the store hold one result a cell, in the grid's order."""
        grid = stubs.stub_grid()

        summary = run(tmp_path, grid=grid, jobs=jobs)

        keys = [cell.key for cell in grid.cells()]
        assert [result.key for result in summary.results] == keys
        assert summary.counts == {"done": 6}
        assert summary.exit_code == 0
        assert summary.hint == ""
        assert list(load_results(tmp_path).cells["key"]) == keys

    def test_the_manifest_says_what_was_run_and_where(self, tmp_path):
        """Axes, command, environment and the planned cells are in the manifest."""
        run(tmp_path, command="schedbench run x", rerun="schedbench run x --seed 0")
        manifest = read_manifest(tmp_path)

        assert manifest["schema_version"] == 1
        assert manifest["status"] == "done"
        assert manifest["policies"] == ["plain", "good"]
        assert manifest["seeds"] == [0, 1, 2]
        assert manifest["baseline"] == "plain"
        assert manifest["rerun"] == "schedbench run x --seed 0"
        assert manifest["scenarios"][0]["digest"] == stubs.StubScenario().digest()
        assert len(manifest["cells"]) == 6
        assert manifest["environment"]["libraries"]["numpy"]

    def test_progress_counts_to_the_end(self, tmp_path):
        """Every ended cell is told once, with the time that remains."""
        told = []

        run(tmp_path, progress=told.append)

        assert [step.done for step in told] == [1, 2, 3, 4, 5, 6]
        assert told[-1].total == 6
        assert told[-1].remaining == 0
        assert told[0].result.metrics["pods_bound"] == 100

    def test_compiling_comes_first_and_only_if_there_is_work(self, tmp_path):
        """The warm-up gets the policies once, and not when nothing is left to do."""
        warmed = []

        run(tmp_path, warmup=lambda specs: warmed.append((specs, finished(tmp_path))))
        run(tmp_path, warmup=warmed.append)

        assert warmed == [(["plain", "good"], {})]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            pytest.param({"timeout": 0}, "time limit", id="no time"),
            pytest.param({"jobs": 0}, "jobs", id="no jobs"),
            pytest.param({"force_policies": ["best"]}, "best", id="nothing to force"),
        ],
    )
    def test_senseless_parameters_are_refused(self, tmp_path, options, words):
        """A parameter that makes no sense is refused before anything runs."""
        with pytest.raises(InputError, match=words):
            run(tmp_path, **options)

        assert not finished(tmp_path)

    def test_two_runs_do_not_share_a_folder(self, tmp_path):
        """While one run writes to a folder another is refused."""
        with sole_writer(tmp_path), pytest.raises(InputError, match="another run"):
            run(tmp_path)


class TestResume:
    def test_finished_cells_are_not_run_again(self, tmp_path):
        """A second run takes every finished cell over, untouched."""
        run(tmp_path)
        before = finished(tmp_path)

        summary = run(tmp_path, stubs.failing_cell)

        assert summary.reused == 6
        assert finished(tmp_path) == before

    def test_a_larger_grid_runs_what_is_new(self, tmp_path):
        """Added seeds and policies are run, the others taken over."""
        run(tmp_path)

        summary = run(
            tmp_path, grid=stubs.stub_grid(("plain", "good", "bad"), (0, 1, 2, 3))
        )

        assert summary.reused == 6
        assert summary.counts == {"done": 12}

    def test_another_content_of_the_scenario_is_another_cell(self, tmp_path):
        """Results of an edited scenario are never taken for those of the old one."""
        run(tmp_path)
        edited = stubs.stub_grid(scenarios=[stubs.StubScenario(content="b")])

        assert run(tmp_path, grid=edited).reused == 0

    def test_failed_cells_are_tried_again(self, tmp_path):
        """A cell that failed or timed out runs again, the finished ones do not."""
        grid = stubs.stub_grid(("plain", "bad"))
        first = run(tmp_path, stubs.failing_cell, grid=grid)
        second = run(tmp_path, grid=grid)

        assert first.counts == {"done": 3, "failed": 2, "timeout": 1}
        assert first.exit_code == 3
        assert second.reused == 3
        assert second.counts == {"done": 6}

    @pytest.mark.parametrize(
        ("options", "reused"),
        [
            pytest.param({"force": True}, 0, id="all"),
            pytest.param({"force_policies": ["go*"]}, 3, id="one policy, by pattern"),
            pytest.param({"force_policies": ["good"]}, 3, id="one policy, by name"),
        ],
    )
    def test_force_runs_finished_cells_again(self, tmp_path, options, reused):
        """`force` repeats all finished cells, or those of some policies."""
        run(tmp_path)
        before = finished(tmp_path)

        summary = run(tmp_path, **options)

        changed = {
            key for key, when in finished(tmp_path).items() if when != before[key]
        }
        assert summary.reused == reused
        assert len(changed) == 6 - reused

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            pytest.param("cell.json", b"", id="empty numbers"),
            pytest.param("cell.json", b'{"status": "done"}', id="numbers of no cell"),
            pytest.param("samples.parquet", b"PAR1 and no more", id="broken table"),
            pytest.param("samples.parquet", None, id="lost table"),
        ],
    )
    def test_a_damaged_cell_is_run_again(self, tmp_path, name, content):
        """A cell with a truncated or missing file does not count as finished."""
        run(tmp_path)
        path = tmp_path / "cells" / min(finished(tmp_path)) / name
        path.unlink() if content is None else path.write_bytes(content)

        with pytest.raises(InputError, match=name):
            load_results(tmp_path)
        assert run(tmp_path).reused == 5
        assert len(load_results(tmp_path).samples) == 12

    def test_what_a_killed_process_left_is_removed(self, tmp_path):
        """Half-written cells and files of a dead process disappear."""
        run(tmp_path)
        (tmp_path / "cells" / ".0123.999").mkdir()
        (tmp_path / "cells" / ".0123.999" / "samples.parquet").touch()
        (tmp_path / ".manifest.json.999").touch()

        run(tmp_path)

        assert not list((tmp_path / "cells").glob(".*"))
        assert not list(tmp_path.glob(".manifest*"))


class TestFailure:
    def test_one_failure_does_not_end_the_run(self, tmp_path):
        """An exception becomes the status and the error of its cell alone."""
        summary = run(
            tmp_path, stubs.failing_cell, grid=stubs.stub_grid(("bad", "good"))
        )

        errors = [result.error for result in summary.results if result.error]
        assert "ZeroDivisionError: a bug in the policy" in errors[0]
        assert "PolicyError: chose an infeasible node" in errors[1]
        assert summary.counts["done"] == 3

    def test_strict_stops_at_the_first_failure(self, tmp_path):
        """When strict, the first failed cell ends the run; finished ones are kept."""
        grid = stubs.stub_grid(("good", "bad"))
        with pytest.raises(SchedbenchError, match=r"small/5, bad, seed 0: .*a bug"):
            run(tmp_path, stubs.failing_cell, grid=grid, strict=True)

        assert list(load_results(tmp_path).cells["status"]) == [
            "done",
            "failed",
            *["interrupted"] * 4,
        ]

    def test_a_dead_worker_costs_its_own_cell_only(self, tmp_path):
        """Cells whose process dies twice fail; all others are done."""
        summary = run(
            tmp_path,
            stubs.deadly_cell,
            grid=stubs.stub_grid(("plain", "bad"), (0, 1)),
            jobs=2,
        )

        statuses = {(r.policy, r.seed): r.status for r in summary.results}
        assert statuses == {
            ("plain", 0): "done",
            ("plain", 1): "done",
            ("bad", 0): "failed",
            ("bad", 1): "failed",
        }
        assert "died" in load_results(tmp_path).cells["error"].dropna().iloc[0]

    def test_a_worker_that_died_once_is_forgiven(self, tmp_path):
        """A cell whose process was killed from outside is tried again."""
        flag = tmp_path / "flag"
        grid = stubs.stub_grid(("plain", f"bad[flag={flag}]"), (0, 1))

        summary = run(tmp_path / "out", stubs.deadly_once_cell, grid=grid, jobs=2)

        assert flag.exists()
        assert summary.counts == {"done": 4}


class TestInterrupt:
    @pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "in a worker"])
    def test_ctrl_c_keeps_what_is_finished(self, tmp_path, jobs):
        """After Ctrl-C finished cells are stored and the summary says how to go on."""
        summary = run(tmp_path, stubs.interrupting_cell, jobs=jobs)
        kept = load_results(tmp_path)

        assert summary.interrupted
        assert summary.exit_code == 130
        assert f"--out {tmp_path}" in summary.hint
        assert kept.manifest["status"] == "interrupted"
        assert set(kept.cells["status"]) == {"done", "interrupted"}
        assert run(tmp_path).counts == {"done": 6}

    @pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "two workers"])
    def test_ctrl_c_in_a_terminal(self, tmp_path, jobs):
        """A SIGINT to the whole group gives 130, collected and resumable."""
        process = start(tmp_path, jobs)
        wait_for_cells(process, tmp_path, 2)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
        kept = finished(tmp_path)

        assert process.returncode == 130, said
        assert "of 20 cells are missing" in said
        assert (tmp_path / "results.parquet").exists()
        assert not list((tmp_path / "cells").glob(".*"))
        summary = run(tmp_path, grid=stubs.stub_grid(seeds=range(10)))
        assert summary.reused == len(kept) >= 2
        assert summary.counts == {"done": 20}

    @pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "two workers"])
    def test_kill_loses_nothing_that_was_finished(self, tmp_path, jobs):
        """After `kill -9` every finished cell is whole and none is run again."""
        process = start(tmp_path, jobs)
        wait_for_cells(process, tmp_path, 3)
        process.kill()
        process.communicate(timeout=10)  # ends when the workers have ended too
        kept = finished(tmp_path)

        assert read_manifest(tmp_path)["status"] == "running"
        assert (
            (load_results(tmp_path).cells["status"] == "done").sum() >= len(kept) >= 3
        )
        summary = run(tmp_path, grid=stubs.stub_grid(seeds=range(10)))
        assert summary.reused >= len(kept)
        assert kept.items() <= finished(tmp_path).items()
        assert summary.counts == {"done": 20}
        assert json.loads((tmp_path / "manifest.json").read_text())["status"] == "done"
