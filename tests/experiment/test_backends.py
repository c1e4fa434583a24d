"""Cells on a cluster: a dask scheduler with two workers, and ray where it is there."""

from __future__ import annotations

import os
import sys

import experiment_stubs as stubs
import pytest

from schedbench.errors import InputError
from schedbench.experiment.backends.registry import make_backend
from schedbench.experiment.folder import read_manifest
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results

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

        with pytest.raises(Exception, match="small/5, bad"):
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
        dask = pytest.importorskip("dask", reason="dask is not installed")
        waits = {"distributed.comm.timeouts.connect": "0.2s"}

        for address in ("tcp://127.0.0.1:9", "no://where"):
            with (
                dask.config.set(waits),
                make_backend("dask", address, None) as backend,
                pytest.raises(InputError, match=rf"--address: .*{address}.*`dask"),
            ):
                run(tmp_path / "out", backend)

        assert not (tmp_path / "out").exists()
