"""Bounds beside a run: computed once, stored, and what policies make of them."""

from __future__ import annotations

import dataclasses

import experiment_stubs as stubs
import pandas as pd
import pytest

from schedbench.errors import InputError
from schedbench.experiment import bounds as stored
from schedbench.experiment.check_workloads import plain_workload
from schedbench.experiment.regret import documents, regret, sentence, summary
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results


class Crowd(stubs.StubScenario):
    """Three nodes with room for six of eight pods."""

    def build(self, seed):
        return plain_workload(nodes=3, pods=8)


@pytest.fixture
def run(tmp_path):
    """A stub run with bounds: its grid, its folder, its results."""
    grid = stubs.stub_grid(scenarios=[Crowd()])
    run_grid(grid, tmp_path, jobs=1, cell_function=stubs.stub_cell)
    stored.write_bounds(grid, tmp_path, 5.0)
    return grid, tmp_path, load_results(tmp_path)


def test_a_bound_of_each_seed_is_stored(run):
    """Each scenario and seed has rows; one of each metric is the tightest."""
    _, _, results = run
    best = results.bounds[results.bounds["tightest"]]

    assert set(best["seed"]) == {0, 1, 2}
    assert not best.duplicated(["seed", "metric"]).any()
    assert best.set_index("metric")["value"]["pods_pending"].tolist() == [2.0] * 3
    assert set(best["time_limit"]) == {5.0}


def test_bounds_that_are_there_are_kept(run, monkeypatch):
    """The same command again solves nothing; another time limit solves anew."""
    grid, out, results = run
    calls = []
    monkeypatch.setattr(
        "schedbench.bounds.table.bounds_of", lambda *_: calls.append(1) or []
    )
    again = stored.write_bounds(grid, out, 5.0)

    pd.testing.assert_frame_equal(again, results.bounds.reset_index(drop=True))
    assert calls == []
    assert not len(stored.write_bounds(grid, out, 6.0))
    assert len(calls) == 3


def test_regret_is_what_a_policy_is_worse_by(run):
    """Of two pods that must pend, a stub with ten pending has eight more."""
    found = regret(run[2])
    pending = found[(found["metric"] == "pods_pending") & (found["policy"] == "plain")]

    assert pending["regret"].tolist() == [8.0, 7.0, 6.0]
    assert pending["relative"].tolist() == [4.0, 3.5, 3.0]


def test_bounds_of_other_runs_are_left_out(run):
    """What binds only runs that bind every pod says nothing of the stubs."""
    found = regret(run[2])

    assert set(found["valid_for"]) == {"every run"}


def test_a_regret_in_words(run):
    """Sentences name policy, amount and metric; a run without bounds has none."""
    rows = summary(regret(run[2]))
    told = [sentence(row) for row in rows.itertuples()]

    assert "plain leaves 350 % more pods pending than any policy must." in told
    assert "plain is beyond the bound of pods bound: it does without a " in " ".join(
        told
    )
    assert documents(rows)[0]["gap"] in {None, 0.0}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param(
            {"metric": "nodes_used", "regret": 4.1, "relative": 0.041},
            "best-fit uses 4.1 % more nodes than any policy must.",
            id="in percent",
        ),
        pytest.param(
            {"metric": "allocation_cpu_final", "regret": 0.031},
            "best-fit is 3.1 percentage points from the bound of final CPU allocation.",
            id="in points",
        ),
        pytest.param(
            {"metric": "pods_pending", "regret": 7.0, "relative": float("nan")},
            "best-fit leaves 7 more pods pending than any policy must.",
            id="in pods where the bound is 0",
        ),
        pytest.param(
            {"metric": "nodes_used", "regret": 0.0, "relative": 0.0},
            "best-fit reaches the bound of nodes used.",
            id="reached",
        ),
        pytest.param(
            {"metric": "nodes_used", "regret": 1.0, "relative": 0.01,
             "status": "time limit"},
            "best-fit uses 1 % more nodes than any policy must (time limit).",
            id="the solver was stopped",
        ),
    ],
)  # fmt: skip
def test_sentences(changes, text):
    """An amount is in percent of the bound, in points, or in the metric's unit."""
    row = {"policy": "best-fit", "status": "optimal", "relative": 0.1} | changes

    assert sentence(pd.Series(row)) == text


def test_a_damaged_file_is_told(run):
    """The message names the file and what to do."""
    _, out, _ = run
    (out / stored.BOUNDS).write_bytes(b"no parquet")

    with pytest.raises(InputError, match=r"stored bounds cannot be read.*--bounds"):
        stored.read_bounds(out)


def test_a_whole_cluster_has_no_bounds(tmp_path):
    """Where controllers make the pods nothing is bounded, and that is said."""

    @dataclasses.dataclass(frozen=True)
    class Played(stubs.StubScenario):
        end_to_end: object = "played"

    said = []
    found = stored.write_bounds(
        stubs.stub_grid(scenarios=[Played()]), tmp_path, 1.0, said.append
    )

    assert not len(found)
    assert said[0].startswith("no bounds of small: a whole cluster is played")
