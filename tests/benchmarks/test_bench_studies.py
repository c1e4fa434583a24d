"""Fits, and the points of the study of engines."""

from __future__ import annotations

import math

import pytest
from bench_cases import measured
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import studies
from benchmarks.plan import FULL, QUICK
from benchmarks.studies import choices, fit, growth


@given(
    exponent=st.floats(-2, 2),
    factor=st.floats(0.01, 100),
    sizes=st.lists(st.integers(1, 10**6), min_size=2, max_size=8, unique=True),
)
def test_a_power_law_is_found_again(exponent, factor, sizes):
    """Points on a power law give its exponent, its factor, and no point off it."""
    law = fit(sizes, [factor * size**exponent for size in sizes])

    assert law.exponent == pytest.approx(exponent, abs=1e-6)
    assert law.factor == pytest.approx(factor, rel=1e-4)
    assert law.worst == pytest.approx(1.0, abs=1e-6)


def test_the_fit_is_that_of_least_squares_over_logarithms():
    """Points off the line pull it as numpy's polyfit says, and the worst is told."""
    import numpy as np

    sizes, values = [10, 100, 1000], [1.0, 4.0, 2.0]
    law = fit(sizes, values)
    slope, level = np.polyfit(np.log(sizes), np.log(values), 1)

    assert law.exponent == pytest.approx(slope)
    assert law.factor == pytest.approx(math.exp(level))
    assert law.worst == pytest.approx(4.0 / law.at(100))


def test_one_size_has_no_growth():
    """Of a single size no exponent is told."""
    assert fit([5, 5], [1.0, 2.0]) is None


def test_growth_is_that_of_the_engine_asked_for():
    """Scans and failed sizes are no points of the growth of `auto`."""
    found = [
        measured("nodes", "a", nodes=10, rates=[1e6]),
        measured("nodes", "b", nodes=1000, rates=[1e5]),
        measured("nodes", "c", nodes=10_000, rates=[], status="timeout"),
        measured("nodes", "a", nodes=10, rates=[10.0], engine="scan"),
    ]

    assert growth(found).exponent == pytest.approx(0.5)
    assert growth(found, "scan") is None


def test_auto_is_held_against_the_better_of_both():
    """The ratio is that of the fastest replays, to the faster of the other engines."""
    found = [
        measured("engines", "p", engine="scan", rates=[100.0, 50.0]),
        measured("engines", "p", engine="indexed", rates=[400.0, 100.0]),
        measured("engines", "p", engine="auto", rates=[200.0, 20.0]),
        measured("engines", "q", engine="auto", rates=[1.0]),
    ]
    (choice,) = choices(found)

    assert choice.name == "p"
    assert choice.ratio == pytest.approx(2.0)


@pytest.mark.parametrize("plan", [FULL, QUICK], ids=["full", "quick"])
def test_every_job_has_a_name_of_its_own(plan):
    """No two jobs of the studies would be taken for one another."""
    jobs = [
        *studies.against_nodes(plan, "auto"),
        *studies.against_nodes(plan, "scan"),
        *studies.against_classes(plan, "auto"),
        *studies.against_pods(plan, "auto"),
        *studies.engines(plan),
    ]
    keys = [(job.study, job.name, job.engine) for job in jobs]

    assert len(set(keys)) == len(keys)


def test_a_scan_gets_the_pods_that_auto_tells_the_digest_of():
    """Where a scan gets fewer pods, `auto` tells the digest of as many."""
    auto = list(studies.against_nodes(FULL, "auto"))
    scan = list(studies.against_nodes(FULL, "scan"))

    assert [job.first for job in auto] == [job.source.arguments["pods"] for job in scan]
    assert scan[-1].source.arguments["pods"] < auto[-1].source.arguments["pods"]
