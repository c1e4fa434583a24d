"""Two runs of `make bench` side by side."""

from __future__ import annotations

import pytest
from bench_cases import measured, results

from benchmarks.compare import broken, changes, limits, worst
from schedbench.errors import InputError


def compared(base: dict, new: dict, metric: str):
    """Return the change of a metric between two measurements."""
    found = changes(results(measured(**base)), results(measured(**new)))
    return next(change for change in found if change.metric == metric)


def test_fewer_decisions_a_second_are_worse():
    """Of a rate more is better, of seconds and bytes less."""
    slower = compared({"rates": [100.0]}, {"rates": [75.0]}, "decisions_per_second")
    larger = compared(
        {"peak_rss_bytes": 100}, {"peak_rss_bytes": 125}, "peak_rss_bytes"
    )

    assert slower.relative == pytest.approx(0.25)
    assert larger.relative == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        pytest.param("decisions_per_second:20%", True, id="worse by more"),
        pytest.param("decisions_per_second:25%", False, id="worse by exactly as much"),
        pytest.param("decisions_per_second:24", True, id="in the metric's unit"),
        pytest.param("peak_rss_bytes:0", False, id="another metric, unchanged"),
    ],
)
def test_a_limit_is_broken_by_more_than_it_allows(text, fails):
    """A limit is a share of the old value, or an amount."""
    found = changes(results(measured(rates=[100.0])), results(measured(rates=[75.0])))
    (limit,) = limits([text])

    assert bool(broken(limit, found)) == fails


def test_a_broken_limit_names_the_measurement():
    """The sentence says what got worse, from what to what."""
    found = changes(results(measured(rates=[100.0])), results(measured(rates=[50.0])))
    (limit,) = limits(["decisions_per_second:20%"])
    (sentence,) = broken(limit, found)

    assert "figures: basic (all, auto)" in sentence
    assert "50.0 % worse" in sentence


def test_the_suite_and_the_exponent_are_compared_as_wholes():
    """Seconds of the suite, and the exponent, are metrics of the run."""
    points = [
        measured("nodes", "a", nodes=10, rates=[1e6]),
        measured("nodes", "b", nodes=1000, rates=[1e5]),
    ]
    flatter = [points[0], measured("nodes", "b", nodes=1000, rates=[1e6])]
    base = results(*points, suite_seconds={"all": 100.0})
    new = results(*flatter, suite_seconds={"all": 150.0, "adaptive": 1.0})
    found = {change.metric: change for change in changes(base, new)}

    assert found["suite_seconds"].worsening == pytest.approx(50.0)
    assert found["exponent"].worsening == pytest.approx(-0.5)


def test_scans_and_failures_are_not_compared():
    """Only what `auto` and `indexed` did, in both runs."""
    base = results(measured(name="a"), measured(name="b"), measured(name="c"))
    new = results(
        measured(name="a", status="failed"),
        measured(name="b", engine="scan"),
        measured(name="d"),
    )

    assert changes(base, new) == []


def test_a_single_short_replay_is_not_compared():
    """A rate of a few milliseconds says nothing; its memory still does."""
    short = {"decisions": 100, "rates": [1e6]}
    found = changes(results(measured(**short)), results(measured(**short)))

    assert {change.metric for change in found} == {"seconds", "peak_rss_bytes"}


def test_a_limit_that_checks_nothing_is_refused():
    """A metric without a value in both runs is no silent pass."""
    (limit,) = limits(["preemptions_per_second:5%"])
    found = changes(results(measured()), results(measured()))

    with pytest.raises(InputError, match="nothing was checked"):
        broken(limit, found)


def test_unknown_metrics_are_named():
    """A misspelt metric is answered with the nearest."""
    with pytest.raises(InputError, match="decisions_per_second"):
        limits(["decisions_per_secnd:5%"])


def test_small_changes_are_noise():
    """What changed by less than a few percent is not shown; the worst comes first."""
    base = results(*(measured(name=name, rates=[100.0]) for name in "abc"))
    new = results(
        measured(name="a", rates=[99.0]),
        measured(name="b", rates=[150.0]),
        measured(name="c", rates=[50.0]),
    )

    assert [change.name[9] for change in worst(changes(base, new))] == ["c", "b"]
