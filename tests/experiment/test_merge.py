"""Several runs reported as one."""

from __future__ import annotations

import dataclasses

import experiment_stubs as stubs
import pytest

from schedbench.errors import InputError
from schedbench.experiment.merge import merge_results
from schedbench.experiment.runner import run_grid
from schedbench.experiment.store import load_results


def run(folder, *axes, **options):
    """Run stub cells into a folder and load them."""
    run_grid(
        stubs.stub_grid(*axes), folder, jobs=1, cell_function=stubs.stub_cell, **options
    )
    return load_results(folder)


def test_one_run_is_itself(tmp_path):
    """Nothing is added to a single run."""
    results = run(tmp_path)

    assert merge_results([results]) is results


def test_no_run_is_refused():
    """There must be something to merge."""
    with pytest.raises(InputError, match="no run"):
        merge_results([])


def test_cells_of_both_runs_are_there_once(tmp_path):
    """Policies and seeds add up; a cell that both have counts once."""
    one = run(tmp_path / "one", ("a", "b"), (0, 1), command="first")
    two = run(tmp_path / "two", ("a", "c"), (1, 2), command="second")

    merged = merge_results([one, two])

    assert sorted(zip(merged.cells["policy"], merged.cells["seed"], strict=True)) == [
        ("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("c", 1), ("c", 2),
    ]  # fmt: skip
    assert merged.manifest["policies"] == ["a", "b", "c"]
    assert merged.manifest["seeds"] == [0, 1, 2]
    assert merged.manifest["command"] == "first; second"
    assert len(merged.manifest["cells"]) == 7
    assert merged.baseline == "a"


def test_tables_are_read_from_the_run_that_holds_the_cell(tmp_path):
    """Samples and placements of all runs can be had."""
    one = run(tmp_path / "one", ("a",), (0,))
    two = run(tmp_path / "two", ("a",), (1,))

    merged = merge_results([one, two])

    assert set(merged.samples["seed"]) == {0, 1}
    assert [len(merged.placements(key)) > 0 for key in merged.cells["key"]] == [
        True
    ] * 2


def test_a_finished_cell_wins_over_one_that_is_not(tmp_path):
    """What failed in the first run is taken from the second."""
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    one.cells.loc[0, "status"] = "failed"

    merged = merge_results([one, two])

    assert (merged.cells["status"] == "done").all()
    assert len(merged.cells) == len(one.cells)


def test_different_results_of_a_cell_are_refused(tmp_path):
    """The same cell with other placements means other code: not to be mixed."""
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    two.cells.loc[3, "placement_digest"] = "other"

    with pytest.raises(InputError, match="different results"):
        merge_results([one, two])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"baseline": "b"}, "different baselines", id="baseline"),
        pytest.param(
            {"scenarios": [{"name": "stub", "size": "", "digest": "x"}]},
            "different contents",
            id="scenario",
        ),
    ],
)
def test_runs_that_mean_different_things_are_refused(tmp_path, change, words):
    """Baselines and contents of scenarios must agree."""
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    scenario = one.manifest["scenarios"][0]
    if "scenarios" in change:
        change = {"scenarios": [{**scenario, "digest": "another"}]}
    other = dataclasses.replace(two, manifest={**two.manifest, **change})

    with pytest.raises(InputError, match=words):
        merge_results([one, other])


def test_different_machines_are_warned_of(tmp_path):
    """Speeds of two machines stand beside each other only with a warning."""
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    environment = {**two.manifest["environment"], "cpu": {"model": "another"}}
    other = dataclasses.replace(
        two, manifest={**two.manifest, "environment": environment}
    )

    merged = merge_results([one, other])

    assert "different machines" in merged.manifest["warnings"][-1]
