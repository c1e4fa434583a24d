"""Comparisons put into words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schedbench.experiment.sentences import PHRASES, amount, label, standings, verdicts
from schedbench.metrics.table import METRICS


def frame(metric, *scenarios, status="done"):
    """Return cells of scenarios s0, s1 …; each maps policy → values by seed."""
    rows = [
        {
            "scenario": f"s{place}",
            "size": "5",
            "policy": policy,
            "seed": seed,
            "status": status,
            metric: np.nan if value is None else float(value),
        }
        for place, policies in enumerate(scenarios)
        for policy, values in policies.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def told(metric, base, mine):
    return verdicts(frame(metric, {"A": base, "B": mine}), [metric], "A")[0].text


@pytest.mark.parametrize(
    ("metric", "base", "mine", "text"),
    [
        pytest.param(
            "pods_bound",
            [1000, 1000, 1000],
            [1031, 1032, 1033],
            "On s0, B binds 3.2 % (3.0 … 3.4) more pods than A.",
            id="more, with interval",
        ),
        pytest.param(
            "nodes_used",
            [100, 200, 300],
            [90, 190, 290],
            "On s0, B uses 5.0 % fewer nodes at the peak than A.",
            id="fewer, alike in every seed",
        ),
        pytest.param(
            "pods_pending",
            [0, 0, 0],
            [12, 12, 12],
            "On s0, B leaves 12 more pods pending than A.",
            id="a baseline of 0 has no percentage",
        ),
        pytest.param(
            "fragmentation_gpu",
            [0, 0, 0],
            [0.02, 0.02, 0.02],
            "On s0, B fragments 2.0 percentage points more GPU capacity than A.",
            id="fractions in points",
        ),
        pytest.param(
            "allocation_cpu_final",
            [0.8, 0.8, 0.8],
            [0.6, 0.6, 0.6],
            "On s0, B ends with 20 percentage points less CPU allocated than A.",
            id="a fraction of a fraction is not told",
        ),
        pytest.param(
            "queue_wait_mean_s",
            [2, 2, 2],
            [90, 91, 92],
            "On s0, B lets pods wait 89 s (87 … 91) longer than A.",
            id="more than tenfold is told in units",
        ),
        pytest.param(
            "nodes_used",
            [7, 8, 9],
            [7, 8, 9],
            "On s0, B and A are equal in nodes used.",
            id="equal",
        ),
        pytest.param(
            "nodes_used",
            [10, 10, 10],
            [9, 10, 12],
            "On s0, B and A cannot be told apart in nodes used: 3 % (−35 … 41) more.",
            id="within the noise",
        ),
        pytest.param(
            "nodes_used",
            [10],
            [9],
            "On s0, B and A cannot be judged by nodes used: "
            "they have fewer than two seeds in common.",
            id="one seed",
        ),
        pytest.param(
            "latency_p99_us",
            [10, 10, 10],
            [20, 20, 20],
            "On s0, B has 100 % higher latency p99 us than A.",
            id="a metric without a phrase of its own",
        ),
    ],
)
def test_a_difference_in_words(metric, base, mine, text):
    """Who, at what, by how much, with the interval; or why nothing can be said."""
    assert told(metric, base, mine) == text


def test_an_interval_across_zero_keeps_its_sign():
    """An end of the interval on the other side of 0 has a minus."""
    row = {"mean": -2.0, "low": -5.0, "high": 1.0, "relative_mean": np.nan}

    assert amount(row, "pods_pending") == "2.0 (−1.0 … 5.0)"


def test_a_short_interval_does_not_look_like_none():
    """Ends that would be written alike get another digit."""
    row = {"mean": 1.0, "low": 1.0, "high": 1.0, "relative_mean": 0.2204}
    row |= {"relative_low": 0.2189, "relative_high": 0.2214}

    assert amount(row, "pods_bound") == "22.0 % (21.9 … 22.1)"


def test_an_end_beside_zero_does_not_look_like_zero():
    """An interval that leaves 0 out is written so that one can see it."""
    row = {"mean": 9.0, "low": 0.04, "high": 18.0, "relative_mean": np.nan}

    assert amount(row, "pods_pending") == "9.00 (0.04 … 18.00)"


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("pods_bound", "pods bound"),
        ("allocation_cpu_mean", "mean CPU allocation"),
        ("allocation_gpu_final", "final GPU allocation"),
        ("fragmentation_gpu", "GPU fragmentation"),
        ("fragmentation_stranded_memory", "stranded free memory"),
        ("queue_wait_mean_s", "mean queue wait"),
    ],
)
def test_labels_read_like_english(metric, words):
    """A metric's name in a sentence."""
    assert label(metric) == words


def test_metrics_without_values_are_not_mentioned():
    """A metric that is not defined for a scenario has no sentence."""
    cells = frame("slowdown_mean", {"A": [None, None], "B": [None, None]})

    assert verdicts(cells, ["slowdown_mean"], "A") == []


def test_each_scenario_may_have_metrics_of_its_own():
    """With a mapping, a scenario is told by its own metrics, in their order."""
    pair = {"A": [1, 2], "B": [3, 4]}
    cells = frame("pods_bound", pair, pair, pair)
    cells["nodes_used"] = cells["pods_bound"]

    found = verdicts(
        cells, {"s0": ["nodes_used", "pods_bound"], "s1": ["pods_bound"]}, "A"
    )

    assert [(one.scenario, one.metric) for one in found] == [
        ("s0", "nodes_used"),
        ("s0", "pods_bound"),
        ("s1", "pods_bound"),
    ]


def test_sentences_go_by_scenario():
    """All sentences of one scenario stand together, in the order of the cells."""
    pair = {"A": [1, 2], "B": [3, 4]}
    cells = frame("pods_bound", pair, pair)
    cells["nodes_used"] = cells["pods_bound"]

    found = verdicts(cells, ["pods_bound", "nodes_used"], "A")

    assert [(one.scenario, one.metric) for one in found] == [
        ("s0", "pods_bound"),
        ("s0", "nodes_used"),
        ("s1", "pods_bound"),
        ("s1", "nodes_used"),
    ]


def test_standings_count_the_scenarios():
    """Better, worse and same are counted over scenarios."""
    better, same = {"A": [1, 2], "B": [11, 12]}, {"A": [1, 2], "B": [1, 2]}

    (found,) = standings(frame("pods_bound", better, better, same), ["pods_bound"], "A")

    assert (found.better, found.worse, found.same) == (2, 0, 1)
    assert found.text == (
        "In pods bound, B is better than A in 2 of 3 scenarios, worse in 0."
    )


def test_phrases_belong_to_metrics_with_a_direction():
    """Every phrase is of a metric of the table that can be better or worse."""
    assert {METRICS[name].better for name in PHRASES} <= {"up", "down"}
