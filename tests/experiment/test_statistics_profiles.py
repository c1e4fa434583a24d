"""Performance profiles and distributions of ranks, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schedbench.errors import InputError
from schedbench.experiment.statistics import performance_profiles, rank_distribution


def cells(values: dict[str, list[float | None]], metric: str = "nodes_used"):
    """Return a frame of one scenario: policy → value of the metric by seed."""
    rows = [
        ("small", "5", policy, seed, "done", np.nan if value is None else value)
        for policy, series in values.items()
        for seed, value in enumerate(series)
    ]
    columns = ["scenario", "size", "policy", "seed", "status", metric]
    return pd.DataFrame(rows, columns=columns)


def steps(frame: pd.DataFrame, policy: str) -> list[tuple[float, float]]:
    found = frame[frame["policy"] == policy]
    return list(zip(found["ratio"], found["share"], strict=True))


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        pytest.param(
            "nodes_used", {"a": [10, 20, 30, 40], "b": [20, 20, 15, 80]}, id="down"
        ),
        pytest.param(
            "pods_bound", {"a": [10, 20, 30, 40], "b": [5, 20, 60, 20]}, id="up"
        ),
    ],
)
def test_shares_within_a_ratio_of_the_best(metric, values):
    """`a` is best in three of four, twice as bad in one; `b` in two and two."""
    frame = performance_profiles(cells(values, metric), metric)

    assert steps(frame, "a") == [(1, 0.75), (2, 1)]
    assert steps(frame, "b") == [(1, 0.5), (2, 1)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({"a": [0, 1], "b": [3, 1]}, [(1, 0.5)], id="a best of zero"),
        pytest.param({"a": [0, 1], "b": [0, 1]}, [(1, 1)], id="all are zero"),
        pytest.param({"a": [2, 1], "b": [None, 1]}, [(1, 0.5)], id="a value missing"),
        pytest.param({"a": [None, 1], "b": [None, 1]}, [(1, 1)], id="all missing"),
    ],
)
def test_what_is_infinitely_far_is_never_reached(values, expected):
    """A profile that ends below 1 says so."""
    assert steps(performance_profiles(cells(values), "nodes_used"), "b") == expected


def test_failed_cells_have_no_value():
    """A policy that fails is far from the best, not left out."""
    frame = cells({"a": [1, 1], "b": [1, 1]})
    frame.loc[(frame["policy"] == "b") & (frame["seed"] == 0), "status"] = "failed"

    assert steps(performance_profiles(frame, "nodes_used"), "b") == [(1, 0.5)]


def test_ranks_over_problems():
    """Ties share the better rank; mean ranks always sum to 1 + 2 + 3."""
    frame = rank_distribution(
        cells({"a": [1, 1, 1], "b": [1, 2, 3], "c": [5, 2, 2]}), "nodes_used"
    )
    found = {
        (row.policy, row.rank): row.problems for row in frame.itertuples(index=False)
    }

    assert found == {
        ("a", 1): 3, ("b", 1): 1, ("b", 2): 1, ("b", 3): 1, ("c", 2): 2, ("c", 3): 1,
    }  # fmt: skip
    assert frame.groupby("policy")["mean_rank"].first().sum() == pytest.approx(6)
    assert frame.groupby("policy")["share"].sum().tolist() == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("function", [performance_profiles, rank_distribution])
def test_what_has_no_best_is_refused(function):
    """Neither a metric without direction nor values below 0 have ratios."""
    with pytest.raises(InputError, match="no best"):
        function(cells({"a": [1]}, "pods_total"), "pods_total")
    with pytest.raises(InputError, match="negative"):
        function(cells({"a": [-1]}), "nodes_used")


@pytest.mark.parametrize("function", [performance_profiles, rank_distribution])
def test_no_finished_cell_gives_no_row(function):
    """Nothing was measured, nothing is told."""
    frame = cells({"a": [1], "b": [2]}).assign(status="failed")

    assert function(frame, "nodes_used").empty
