"""The table of figures to reach."""

from __future__ import annotations

import pytest
from bench_cases import measured, results

from benchmarks.figures import Row, rows
from benchmarks.table import amount, checked, figures_table, readme_table, rounded
from benchmarks.targets import CASES


def row_of(found, what: str, scoring: str = "all") -> Row:
    """Return the row of what was decided, with these nodes scored."""
    return next(
        row for row in rows(found) if (row.what, row.scoring) == (what, scoring)
    )


def test_every_figure_has_its_row_even_when_nothing_was_measured():
    """A row without a measurement says so, and nothing is divided by it."""
    made = rows(results())
    text = figures_table(results())

    assert len(made) == 2 * len(CASES) + 10
    assert text.count("not measured") == len(made)


def test_a_figure_is_the_median_and_its_share_of_the_goal():
    """Half the decisions a second are half the goal, and so many times the real."""
    found = results(measured(rates=[1e6, 2e6, 9e6]))
    row = row_of(found, "basic")

    assert row.value == 2e6
    assert row.share == pytest.approx(0.5)
    assert row.times == pytest.approx(2e6 / 206)


def test_twice_the_seconds_are_half_the_goal():
    """Of times, memory and exponents less is better."""
    found = results(suite_seconds={"all": 240.0, "adaptive": 60.0})

    assert row_of(found, "the whole scheduler_perf suite").share == pytest.approx(0.5)
    assert row_of(found, "the whole scheduler_perf suite", "adaptive").share == 2.0


def test_a_suite_with_failures_reaches_nothing():
    """Seconds of workloads that ended early are no achievement."""
    lost = measured("suite", "a", status="timeout", rates=[])
    found = results(lost, suite_seconds={"all": 1.0})

    assert "| **1 s** | not whole |" in figures_table(found)
    assert "1 failed or timed out" in figures_table(found)


def test_preemptions_are_counted_not_decisions():
    """The row of preemption holds preemptions a second."""
    found = results(measured(name="preemption", preemption_rates=[30.0], rates=[60.0]))

    assert row_of(found, "preemption").value == 30.0
    assert row_of(found, "preemption").unit == "preemptions/s"


def test_a_workload_that_failed_shows_its_reason():
    """The last line of the error stands where the figure would."""
    failed = measured(status="failed", error="Traceback\nMemoryError", rates=[])

    assert "| MemoryError |" in figures_table(results(failed))


def test_different_placements_are_told():
    """The sentence below the table counts comparisons and differences."""
    found = results(measured(), measured(engine="scan", digest="xyz"))

    assert "engine scan's in 1 runs: 1 differ" in checked(found)


def test_a_busy_machine_and_noisy_replays_are_told():
    """Whoever reads the table sees what makes it doubtful."""
    found = results(measured(rates=[1e6, 2e6]))
    found.load = [3.0, 1.0]
    text = readme_table(found)

    assert "load average 3" in text
    assert "differ by more than a quarter: basic (all)" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_234_567, "1,230,000"), (12.345, "12.3"), (0.01234, "0.0123"), (0, "0")],
)
def test_three_digits_are_shown(value, text):
    """Figures carry no digits that the next run would change."""
    assert rounded(value) == text


def test_units_are_written_out():
    """Bytes are GiB; rates say per second."""
    assert amount(2**31, "bytes") == "2.00 GiB"
    assert amount(5.9, "s") == "5.9 s"
    assert amount(4e6, "decisions/s") == "4,000,000/s"
