"""Order, headline and numbers as the tables and plots share them."""

from __future__ import annotations

import pytest
from report.fabricated import fabricate

from schedbench.metrics.table import METRICS
from schedbench.report import views

SMALL = {"web-services": {"500": 500, "100": 100}, "gpu-sharing": {"9": 9}}


def test_the_baseline_comes_first() -> None:
    """Policies keep the order of the run, but the baseline leads."""
    results = fabricate(3, 2, SMALL)
    results.manifest["baseline"] = "most-allocated"

    expected = ["most-allocated", "kube-scheduler", "least-allocated"]
    assert expected == views.policies(results)


def test_an_unknown_baseline_is_replaced_by_the_first_policy() -> None:
    """A baseline that was not run cannot be compared with."""
    results = fabricate(2, 2, SMALL)
    results.manifest["baseline"] = "gone"

    assert views.baseline(results) == "kube-scheduler"


def test_sizes_are_ordered_by_nodes() -> None:
    """Groups go by scenario, then from the smallest cluster to the largest."""
    labels = [group.label for group in views.groups(fabricate(2, 2, SMALL))]

    assert labels == ["web-services · 100", "web-services · 500", "gpu-sharing"]


def test_headline_leaves_out_what_tells_nothing() -> None:
    """A metric that is the same under every policy does not lead."""
    results = fabricate(3, 2, SMALL)
    results.cells["pods_pending"] = 0
    group = views.groups(results)[0]

    assert "pods_pending" not in views.headline(results, group)
    assert views.headline(results, group)[0] == "nodes_used"


def test_headline_follows_the_manifest() -> None:
    """The run's own headline goes first; wall-clock metrics never do."""
    results = fabricate(3, 2, SMALL)
    results.manifest["headline"] = ["decisions_per_second", "packing_ratio"]
    group = views.groups(results)[0]

    assert views.headline(results, group)[0] == "packing_ratio"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0"),
        (0.123456, "0.123"),
        (12.3456, "12.3"),
        (1234567, "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567"),
        (-2.5, "−2.50"),
        (0.00001234, "1.2e−05"),
        (float("inf"), "∞"),
    ],
)
def test_numbers_have_three_digits(value: float | None, expected: str) -> None:
    """Numbers are short, thousands stand apart, the minus is a minus."""
    assert expected == views.number(value)


def test_every_metric_has_words() -> None:
    """Each metric of the table has a title and an axis label without underscores."""
    for name in METRICS:
        assert "_" not in views.title(name)
        assert views.title(name)[0].isupper()


def test_fractions_are_shown_in_percent() -> None:
    """A fraction of 0.5 is 50 %."""
    assert views.shown(0.5, "allocation_cpu_mean") == "50\N{NARROW NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("horizon", "unit"), [(5, "s"), (600, "min"), (20_000, "h"), (1e6, "days")]
)
def test_time_axes_use_the_unit_that_fits(horizon: float, unit: str) -> None:
    """An axis over three hours is not in seconds."""
    assert unit == views.clock(horizon)[1]
