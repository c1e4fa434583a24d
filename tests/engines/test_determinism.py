"""The same seed is the same run: for any engine, number of workers, and cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schedbench.experiment.store import load_results

ROOMS = ("affinity", "default_preemption", "misc", "topology_spreading")
POLICIES = ("kube-scheduler", "kube-scheduler[ties=first]")
Digests = dict[tuple[str, str, int], str]
Run = Callable[..., Digests]


@pytest.fixture(scope="module")
def run(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return what runs small workloads in a new process: cell → digest."""

    def call(*options: str, **environment: str) -> Digests:
        out = tmp_path_factory.mktemp("run") / "results"
        files = [str(shared / "scheduler_perf" / room) for room in ROOMS]
        arguments = ["--workload", "*/5Nodes", "--seed", "1", "--no-report", "-q"]
        arguments += ["--out", str(out), *options]
        for policy in POLICIES:
            arguments += ["-p", policy]
        subprocess.run(
            [sys.executable, "-m", "schedbench", "run", *files, *arguments],
            env=os.environ | environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        cells = load_results(out).cells
        assert set(cells["status"]) == {"done"}
        keys = zip(cells["scenario"], cells["policy"], cells["seed"], strict=True)
        return dict(zip(keys, cells["placement_digest"], strict=True))

    return call


@pytest.fixture(scope="module")
def reference(run: Run) -> Digests:
    """The digests of one worker that scans."""
    found = run("-j", "1", "--engine", "scan", PYTHONHASHSEED="0")
    assert len(found) > 20
    return found


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["auto", "indexed", "explain"])
def test_workers_and_engines_leave_no_trace(
    run: Run, reference: Digests, engine: str
) -> None:
    """Two workers, other hashes of texts and another engine place every pod alike."""
    found = run("-j", "2", "--engine", engine, PYTHONHASHSEED="7")

    assert found == reference


@pytest.mark.deep
def test_the_cache_leaves_no_trace(
    run: Run, reference: Digests, tmp_path: Path
) -> None:
    """Code compiled now, loaded from a cache, or never cached, places alike."""
    cold = run("-j", "1", XDG_CACHE_HOME=str(tmp_path))
    warm = run("-j", "2", XDG_CACHE_HOME=str(tmp_path))
    without = run("-j", "1", SCHEDBENCH_NO_CACHE="1")

    assert any(tmp_path.rglob("*.nbi"))
    assert cold == warm == without == reference
