"""Repeats until a mean is known: the looks, the rule's promise, the run in folders."""

from __future__ import annotations

import dataclasses

import experiment_stubs as stubs
import numpy as np
import pandas as pd
import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.folder import read_manifest
from schedbench.experiment.runner import run_grid
from schedbench.experiment.statistics.sequential import Precision, Stopping, widths
from schedbench.experiment.store import load_results
from schedbench.experiment.until import run_until


def frame(values, metric="nodes_used"):
    """Return the cells of one policy: a value a seed."""
    return pd.DataFrame(
        {
            "scenario": "small",
            "size": "5",
            "policy": "a",
            "seed": range(len(values)),
            "status": "done",
            metric: np.asarray(values, dtype=float),
        }
    )


def rule(text="nodes_used:1%", first=1, most=100) -> Stopping:
    return Stopping.of([Precision.parse(text)], first, most)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("nodes_used:1%", Precision("nodes_used", 0.01, True), id="share"),
        pytest.param("nodes_used:2", Precision("nodes_used", 2, False), id="in units"),
    ],
)
def test_a_precision_is_a_share_or_a_number(text, expected):
    """As limits are written."""
    assert Precision.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["nodes_used", "nodes_used:0", "nodes_used:-1%", "nodes_used:1e999", ":1%"]
)
def test_malformed_precisions_are_refused(text):
    """The message shows the text; ± 0 is never reached."""
    with pytest.raises(InputError, match="METRIC:NUMBER") as caught:
        Precision.parse(text)

    assert caught.value.value == text


def test_a_misspelt_metric_gets_a_suggestion():
    """The nearest name is told."""
    with pytest.raises(UnknownNameError, match="nodes_used"):
        Precision.parse("node_used:1%")


def test_looks_grow_by_half_and_share_five_percent():
    """8, 12, 18, 27, 40: five looks at 99 % each."""
    found = rule(most=40)

    assert found.looks == (8, 12, 18, 27, 40)
    assert found.confidence == pytest.approx(0.99)
    assert rule(first=20, most=20).looks == (20,)


def test_fewer_repeats_than_the_first_look_are_refused():
    """A rule that may never look is none."""
    with pytest.raises(InputError, match="fewer seeds than the first look"):
        rule(first=30, most=20)


def test_the_interval_stopped_at_holds_the_mean():
    """Of 150 runs, each stopped when ± 1 % looked reached, 95 % hold the true mean."""
    generator = np.random.default_rng(17)
    held, ends = 0, []
    stopping = rule(most=62)
    for _ in range(150):
        values = generator.normal(100, 2.0, stopping.looks[-1])
        for seeds in stopping.looks:
            (width,) = widths(frame(values[:seeds]), stopping)
            if width.reached:
                break
        ends.append(seeds)
        held += abs(width.mean - 100) <= width.half

    assert len(set(ends)) > 2
    assert held / 150 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        pytest.param([5] * 8, True, id="a constant is known"),
        pytest.param([0] * 8, True, id="a constant zero, too"),
        pytest.param([-1, 1] * 4, False, id="no share of a mean of zero"),
        pytest.param([5], False, id="one seed"),
    ],
)
def test_columns_without_spread_or_mean(values, reached):
    """± 1 % of nothing is nothing."""
    (width,) = widths(frame(values), rule())

    assert width.reached is reached


def test_a_metric_without_values_has_no_width():
    """Neither NaN nor a column that is not there, nor failed cells."""
    failed = frame([1, 2, 3]).assign(status="failed")

    assert widths(frame([np.nan] * 8), rule()) == []
    assert widths(frame([1] * 8, "pods_bound"), rule()) == []
    assert widths(failed, rule()) == []


class TestRun:
    @pytest.fixture
    def run(self, tmp_path, monkeypatch):
        """Run the stub grid until something; return what stopped and what was told."""
        monkeypatch.setattr("schedbench.experiment.cell.code_digest", lambda: "code")

        def call(stopping, cell_function=stubs.stub_cell, **changes):
            told = []
            stopped = run_until(
                stubs.stub_grid(seeds=[5], **changes),
                stopping,
                lambda grid: run_grid(
                    grid, tmp_path, jobs=1, cell_function=cell_function
                ),
                told.append,
            )
            return stopped, told

        return call

    def test_seeds_are_added_until_the_mean_is_known(self, run, tmp_path):
        """The stub's values grow with the seed: ± 5 % of 100 holds after 12 seeds."""
        stopped, told = run(rule("pods_bound:5%"))
        kept = read_manifest(tmp_path)["stopping"]

        assert stopped.reached
        assert stopped.grid.seeds == list(range(5, 5 + len(stopped.grid.seeds)))
        assert len(load_results(tmp_path).cells) == 2 * len(stopped.grid.seeds)
        assert told[-1].startswith("pods_bound ± 5 %: reached after")
        assert (kept["reached"], kept["told"]) == (True, told[-1])
        assert load_results(tmp_path).manifest["warnings"][-1].startswith(told[-1])
        assert {width["policy"] for width in kept["widths"]} == {"plain", "good"}

    def test_the_most_repeats_end_it(self, run):
        """A precision out of reach is given up and told."""
        stopped, told = run(rule("pods_bound:0.001%", most=12))

        assert not stopped.reached
        assert len(stopped.grid.seeds) == 12
        assert "not reached after 12 seeds" in told[-1]

    def test_a_metric_without_values_ends_it_at_the_first_look(self, run):
        """More seeds would not help."""
        stopped, told = run(rule("slowdown_mean:1%"))

        assert (stopped.reached, len(stopped.grid.seeds)) == (False, 8)
        assert "no cell has a value" in told[-1]

    def test_ctrl_c_ends_it(self, run):
        """What was interrupted is not begun anew."""

        def interrupting(cell):
            if cell.seed == 9:
                raise KeyboardInterrupt
            return stubs.stub_cell(cell)

        stopped, _ = run(rule("pods_bound:0.001%"), interrupting)

        assert stopped.summary.interrupted
        assert len(stopped.grid.seeds) == 8

    def test_the_same_run_again_costs_nothing(self, run):
        """Finished cells are kept from look to look and from run to run."""
        first, _ = run(rule("pods_bound:5%"))

        def refusing(cell):
            raise AssertionError("nothing is left to run")

        again, _ = run(rule("pods_bound:5%"), refusing)

        assert again.summary.reused == len(again.summary.results)
        assert dataclasses.replace(again, summary=first.summary) == first
