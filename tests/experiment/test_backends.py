"""Cells on a cluster: a dask scheduler with two workers, and ray where it is there."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import pickle
import sys
import threading
import time
from pathlib import Path

import experiment_stubs as stubs
import pytest

from schedbench.errors import (
    InputError,
    MissingExtraError,
    SchedbenchError,
    TimeLimitError,
)
from schedbench.experiment.backends.base import Work
from schedbench.experiment.backends.dask import Dask
from schedbench.experiment.backends.registry import make_backend
from schedbench.experiment.backends.there import Answer, packed, run_there
from schedbench.experiment.cell import CellResult, PolicyRef
from schedbench.experiment.execute import time_limit
from schedbench.experiment.folder import read_manifest
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results
from schedbench.policies.registry import make_policy

SPEC = "./mine.py:mine"
MINE = """\
from schedbench import policy

@policy.vectorized
def mine(cluster, pod, feasible):
    return feasible * 1.0
"""
LIBRARIES = {"dask": "distributed", "ray": "ray"}


@pytest.fixture(autouse=True)
def _fixed_code(monkeypatch):
    monkeypatch.setattr("schedbench.experiment.cell.code_digest", lambda: stubs.CODE)


def two_workers(name: str):
    """Two workers on this machine, which can import what the tests import."""
    library = LIBRARIES[name]
    pytest.importorskip(library, reason=f"{library} is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        with make_backend(name, None, 2) as backend:
            backend.connect()
            yield backend


@pytest.fixture(scope="module")
def dask():
    """A dask scheduler with two workers."""
    yield from two_workers("dask")


@pytest.fixture(scope="module")
def ray():
    """A ray cluster with two CPUs."""
    yield from two_workers("ray")


@pytest.fixture(params=["dask", "ray"])
def cluster(request):
    """Each kind of cluster."""
    return request.getfixturevalue(request.param)


def run(out, backend, cell_function=stubs.stub_cell, grid=None, **options):
    return run_grid(
        grid or stubs.stub_grid(),
        out,
        backend=backend,
        cell_function=cell_function,
        **options,
    )


def dask_waits(seconds: str):
    """Let dask wait so long for a scheduler."""
    import dask

    return dask.config.set({"distributed.comm.timeouts.connect": seconds})


def make_backend_of_nothing():
    """Return a back-end that is never connected."""
    return Dask("tcp://nowhere:1", None)


class TestCluster:
    def test_results_are_those_of_a_local_run(self, tmp_path, cluster):
        """Numbers, digests and tables equal a local run's; progress counts each."""
        told = []
        local = run_grid(
            stubs.stub_grid(), tmp_path / "a", jobs=1, cell_function=stubs.stub_cell
        )

        summary = run(tmp_path / "b", cluster, progress=told.append)

        one, two = load_results(tmp_path / "a"), load_results(tmp_path / "b")
        assert summary.results == local.results
        assert one.cells.equals(two.cells)
        assert one.samples.equals(two.samples)
        assert [step.done for step in told if step.result] == [1, 2, 3, 4, 5, 6]
        (session,) = read_manifest(tmp_path / "b")["sessions"]
        assert (session["backend"], session["jobs"]) == (cluster.name, 2)
        assert len(session["machines"]) == 1

    def test_the_driver_alone_writes(self, tmp_path, cluster):
        """A worker that is not the driver runs the cell and leaves no file behind."""
        run(tmp_path / "out", cluster, stubs.telling_cell)

        notes = load_results(tmp_path / "out").cells["notes"]
        processes = {int(note.split()[0]) for note in notes}
        assert os.getpid() not in processes
        assert all(note.endswith("nothing written") for note in notes)

    def test_a_failing_cell_fails_alone(self, tmp_path, cluster):
        """An exception in a worker is the error of its cell alone."""
        summary = run(
            tmp_path,
            cluster,
            stubs.failing_cell,
            grid=stubs.stub_grid(("bad", "good")),
        )

        assert summary.counts == {"done": 3, "failed": 2, "timeout": 1}
        assert "ZeroDivisionError: a bug in the policy" in summary.results[0].error

    def test_a_killed_worker_loses_nothing(self, tmp_path, cluster):
        """A cell whose worker was killed once is run again; all others are kept."""
        flag = tmp_path / "flag"
        grid = stubs.stub_grid(("plain", f"bad[flag={flag}]"), (0, 1))

        summary = run(tmp_path / "out", cluster, stubs.deadly_once_cell, grid=grid)

        assert flag.exists()
        assert summary.counts == {"done": 4}

    def test_a_cell_that_kills_its_workers_fails_alone(self, tmp_path, cluster):
        """Whose workers die again fails, says so, and is run again when resumed."""
        grid = stubs.stub_grid(("plain", "bad"), (0,))

        summary = run(tmp_path, cluster, stubs.deadly_cell, grid=grid)
        resumed = run(tmp_path, cluster, grid=grid)

        assert [result.status for result in summary.results] == ["done", "failed"]
        assert "died" in summary.results[1].error
        assert resumed.counts == {"done": 2}
        assert resumed.reused == 1

    def test_the_time_limit_holds_on_workers(self, tmp_path, cluster):
        """A cell that never ends in Python is left when its time is up."""
        grid = stubs.stub_grid(("plain", "endless"), (0,))

        summary = run(tmp_path, cluster, stubs.limited_cell, grid=grid, timeout=0.3)

        assert [result.status for result in summary.results] == ["done", "timeout"]
        assert "0.3 s" in summary.results[1].error

    def test_strict_takes_the_rest_back(self, tmp_path, cluster):
        """When strict, the first failure ends the run; the workers stay usable."""
        grid = stubs.stub_grid(("bad", "good"), range(20))

        with pytest.raises(SchedbenchError, match="small/5, bad"):
            run(tmp_path, cluster, stubs.failing_cell, grid=grid, strict=True)

        left = load_results(tmp_path).cells["status"]
        assert (left == "interrupted").any()
        assert run(tmp_path, cluster, grid=grid).counts == {"done": 40}


class TestAddress:
    def test_a_cluster_that_is_up_is_used_and_left(self, tmp_path, dask):
        """At an address cells run on the workers there, no more than `jobs` at once."""
        address = dask._started.scheduler_address

        for jobs in (None, 1):
            with make_backend("dask", address, jobs) as backend:
                summary = run(tmp_path / str(jobs), backend)
                assert backend.jobs == (jobs or 2)
                assert summary.counts == {"done": 6}

    def test_a_wrong_address_is_refused_before_anything_is_written(self, tmp_path):
        """Where no scheduler answers, the address and what to do are told."""
        pytest.importorskip("distributed", reason="dask is not installed")

        for address in ("tcp://127.0.0.1:9", "no://where"):
            with (
                dask_waits("0.2s"),
                make_backend("dask", address, None) as backend,
                pytest.raises(InputError, match=rf"--address: .*{address}.*`dask"),
            ):
                run(tmp_path / "out", backend)

        assert not (tmp_path / "out").exists()

    def test_a_lost_scheduler_ends_the_run_and_keeps_what_is_finished(self, tmp_path):
        """Without its scheduler a run ends with an error, and can be gone on with."""
        distributed = pytest.importorskip("distributed", reason="dask is not installed")
        options = {"threads_per_worker": 1, "dashboard_address": ":0"}

        with distributed.LocalCluster(1, processes=False, **options) as workers:
            address = workers.scheduler_address
            with (
                dask_waits("0.2s"),
                make_backend("dask", address, 1) as backend,
                pytest.raises(SchedbenchError, match="the same command goes on"),
            ):
                run(
                    tmp_path,
                    backend,
                    progress=lambda told: told.done == 2 and workers.close(),
                )

        assert run(tmp_path, None, jobs=1).reused >= 2


class TestWorker:
    def cell(self, **changes):
        cell = next(stubs.stub_grid().cells())
        return dataclasses.replace(cell, **changes)

    def test_it_returns_numbers_and_tables(self):
        """A packed cell comes back with all that the driver stores."""
        answer = run_there(*packed(self.cell(), stubs.stub_cell, warm=False))

        assert answer.result.metrics["pods_bound"] == 100
        assert answer.result.tables.keys() >= {"placements", "samples"}
        assert not answer.error
        assert not answer.refusal
        assert pickle.loads(pickle.dumps(answer)).result == answer.result

    def test_other_sources_are_refused(self, tmp_path):
        """A worker with other sources runs nothing, and the run says what to do."""
        _, content = packed(self.cell(), stubs.stub_cell, warm=False)
        answer = run_there("another hash", content)

        assert answer.result is None
        with pytest.raises(InputError, match=r"other sources.*install the same"):
            self.store(tmp_path, answer)
        assert not list(tmp_path.iterdir())

    def test_what_cannot_be_unpacked_fails_alone(self):
        """A function that the worker cannot import is told, never raised."""
        code, content = packed(self.cell(), stubs.stub_cell, warm=False)
        answer = run_there(code, content.replace(b"stub_cell", b"stub_what"))

        assert "stub_what" in answer.error

    def test_another_file_of_the_policy_is_refused(self, tmp_path, monkeypatch):
        """A policy of the user's own must be the same on driver and worker."""
        monkeypatch.chdir(tmp_path)
        Path("mine.py").write_text(MINE)
        for digest, words in ((make_policy(SPEC).source_digest, ""), ("x", "not the")):
            cell = self.cell(policy=PolicyRef(SPEC, digest))
            answer = run_there(*packed(cell, stubs.stub_cell, warm=False))

            assert bool(answer.result) == (not words)
            assert words in answer.error

    def test_other_files_of_the_scenario_are_refused(self, tmp_path):
        """A result that was made from other files is stored as a failure."""
        result = CellResult.of(self.cell(), "done")
        result.scenario_digest = "another one"

        stored = self.store(tmp_path, Answer(result))

        assert stored.status == "failed"
        assert "other files" in stored.error

    def store(self, out, answer):
        with make_backend_of_nothing() as backend:
            return backend._store(Work(out, [], stubs.stub_cell), self.cell(), answer)

    def test_relative_paths_are_the_drivers(self, tmp_path, monkeypatch):
        """A worker reads from the driver's folder, and stays in its own."""
        monkeypatch.chdir(tmp_path)
        content = packed(self.cell(), stubs.telling_cell, warm=False)
        (tmp_path / "cells").mkdir()
        monkeypatch.chdir("/")

        answer = run_there(*content)

        assert answer.result.notes[0].endswith("cells")
        assert Path.cwd() == Path("/")


class TestThreadAlarm:
    def in_thread(self, body):
        """Run a body in another thread; return what it raised."""
        raised = []

        def catch():
            try:
                body()
            except TimeLimitError as error:
                raised.append(error)

        thread = threading.Thread(target=catch)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        return raised

    def test_it_ends_a_body_that_never_ends(self):
        """Python that loops in another thread is left, with the limit in the error."""

        def body():
            with time_limit(0.05):
                while True:
                    pass

        (error,) = self.in_thread(body)
        assert isinstance(error, TimeLimitError)
        assert "0.05 s" in str(error)

    def test_it_rings_until_the_body_ends(self):
        """A body that swallows the first alarm is left by the next."""

        def body():
            with time_limit(0.05):
                with contextlib.suppress(TimeLimitError):
                    while True:
                        pass
                while True:
                    pass

        (error,) = self.in_thread(body)
        assert "0.05 s" in str(error)

    def test_it_is_lifted_afterwards(self):
        """A body that ends in time is not disturbed later."""

        def body():
            with time_limit(0.05):
                pass
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                pass

        assert self.in_thread(body) == []


class TestChoice:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(("dusk", None, 1), "did you mean 'dask'", id="unknown"),
            pytest.param(("loky", "tcp://a:1", 1), "this machine only", id="address"),
            pytest.param(("loky", None, 0), "jobs is not positive", id="no jobs"),
        ],
    )
    def test_senseless_choices_are_refused(self, arguments, words):
        """A back-end that cannot be had is one error that says what to do."""
        with pytest.raises(InputError, match=words):
            make_backend(*arguments)

    @pytest.mark.parametrize("name", ["dask", "ray"])
    def test_a_missing_extra_is_named(self, monkeypatch, name):
        """Without its library the error names the extra to install; exit code 2."""
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

        with pytest.raises(MissingExtraError, match=rf"schedbench\[{name}\]") as found:
            make_backend(name, None, 1)
        assert found.value.exit_code == 2
