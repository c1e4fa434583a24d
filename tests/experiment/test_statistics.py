"""Intervals that hold what they promise, verdicts, and ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.statistics import (
    Evidence,
    difference,
    family_of,
    interval,
    metric_of,
    paired_differences,
    paired_test,
    ranks,
    summarize,
    weigh,
)


def cells(values: dict[str, list[float | None]], metric="pods_bound", **columns):
    """Return a frame of one scenario: policy → value of the metric by seed."""
    rows = [
        {
            "scenario": "small",
            "size": "5",
            "policy": policy,
            "seed": seed,
            "status": "done",
            metric: np.nan if value is None else float(value),
            **columns,
        }
        for policy, series in values.items()
        for seed, value in enumerate(series)
    ]
    return pd.DataFrame(rows)


class TestInterval:
    @pytest.mark.parametrize("count", [3, 5, 8, 12])
    @pytest.mark.parametrize("shape", ["normal", "exponential"])
    def test_95_percent_intervals_hold_the_mean_about_95_times_in_100(
        self, count, shape
    ):
        """Coverage over 400 samples: 92 to 98 % if normal, at least 86 % if skew."""
        generator = np.random.default_rng(1)
        true = {"normal": 0.0, "exponential": 1.0}[shape]
        samples = getattr(generator, shape)(size=(400, count))

        found = [interval(sample) for sample in samples]
        coverage = np.mean([one.low <= true <= one.high for one in found])

        assert coverage >= (0.92 if shape == "normal" else 0.86)
        assert coverage <= 0.98

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            pytest.param([], (np.nan, np.nan, np.nan, 0, "no value"), id="nothing"),
            pytest.param([3], (3, np.nan, np.nan, 1, "one value"), id="one seed"),
            pytest.param([3, 3, 3], (3, 3, 3, 3, "all equal"), id="no spread"),
            pytest.param([0, 0], (0, 0, 0, 2, "all equal"), id="nothing differs"),
            pytest.param([3, np.nan], (3, np.nan, np.nan, 1, "one value"), id="a gap"),
        ],
    )
    def test_too_little_spread_or_data(self, values, expected):
        """Equal values are their own interval; one value has none."""
        found = interval(values)

        assert found[4] == expected[4]
        assert np.array_equal(found[:4], expected[:4], equal_nan=True)

    def test_students_t_of_three_values(self):
        """Mean 2, standard error 1/√3, t(2) = 4.3027: 2 ± 2.4841."""
        found = interval([1, 2, 3])

        assert found.method == "student t"
        assert found[:3] == pytest.approx((2, -0.48414, 4.48414), abs=1e-5)

    @pytest.mark.parametrize(
        ("values", "method"),
        [
            pytest.param([1, 2, 3, 4, 6, 7, 8, 9], "bootstrap t", id="eight values"),
            pytest.param([1, 2, 3, 4, 6, 7, 8], "student t", id="too few to resample"),
            pytest.param([3] * 8 + [4], "student t", id="too many ties"),
        ],
    )
    def test_the_bootstrap_needs_eight_values_that_differ(self, values, method):
        """Below 8, or if more than 1 % of the resamples are constant: Student's t."""
        assert interval(values).method == method

    def test_intervals_are_the_same_every_time(self):
        """The resamples come from a fixed seed."""
        values = [0.1, 0.7, 0.4, 0.9, 0.2, 0.5, 0.8, 0.6]

        assert interval(values) == interval(values)

    def test_a_skew_metric_of_five_seeds_keeps_a_sober_interval(self):
        """Two slow repeats among five do not make the interval a hundred times wide."""
        speeds = np.array([281_000, 283_000, 279_000, 297_000, 250_000])

        found = interval(speeds)

        assert 4 * speeds.std() > found.high - found.low

    def test_scale_and_shift_carry_over(self):
        """The interval of a + b·x is a + b times the interval of x."""
        values = np.array([0.1, 0.7, 0.4, 0.9, 0.2, 0.5, 0.8, 0.6])
        one, other = interval(values), interval(1e6 + 1e3 * values)

        assert other[:3] == pytest.approx([1e6 + 1e3 * part for part in one[:3]])


class TestPairedDifferences:
    def test_a_policy_against_itself_is_the_same(self):
        """An A/A comparison finds nothing, however the seeds differ."""
        noisy = [10, 25, 3, 18, 40]

        row = paired_differences(cells({"a": noisy, "b": noisy}), "pods_bound", "a")

        assert list(row["verdict"]) == ["same"]
        assert list(row["mean"]) == [0]

    def test_noise_alone_is_mostly_called_the_same(self):
        """Of 200 pairs of equal policies some 5 % differ by chance, not 10."""
        generator = np.random.default_rng(3)
        wrong = 0
        for _ in range(200):
            frame = cells({name: generator.normal(100, 5, 5) for name in "ab"})
            wrong += (
                paired_differences(frame, "pods_bound", "a")["verdict"][0] != "same"
            )

        assert wrong <= 20

    def test_pairing_finds_a_small_gain_among_large_seed_effects(self):
        """A gain of 2 is found though seeds differ by 1000."""
        base = np.array([0, 1000, 300, 2000, 700.0])
        gain = base + np.array([2.0, 2.2, 1.8, 2.1, 1.9])

        row = paired_differences(cells({"a": base, "b": gain}), "pods_bound", "a").iloc[
            0
        ]

        assert row["verdict"] == "better"
        assert row["mean"] == pytest.approx(2)
        assert row["low"] < 2 < row["high"]
        assert row["relative_mean"] == pytest.approx(2 / 800)
        assert row["baseline_mean"] == 800

    @pytest.mark.parametrize(
        ("metric", "expected"),
        [
            pytest.param("pods_bound", "better", id="more is better"),
            pytest.param("nodes_used", "worse", id="less is better"),
            pytest.param("pods_total", "not comparable", id="no direction"),
        ],
    )
    def test_the_verdict_follows_the_metrics_direction(self, metric, expected):
        """The same gain is better or worse as the table of metrics says."""
        frame = cells({"a": [1, 2, 3], "b": [11, 12, 13]}, metric)

        assert list(paired_differences(frame, metric, "a")["verdict"]) == [expected]

    @pytest.mark.parametrize(
        ("base", "mine", "expected", "pairs"),
        [
            pytest.param([1], [2], "not comparable", 1, id="one seed"),
            pytest.param([1], [1], "same", 1, id="one seed, equal"),
            pytest.param([1, None], [None, 2], "not comparable", 0, id="other seeds"),
            pytest.param([None] * 3, [1, 2, 3], "not comparable", 0, id="no baseline"),
            pytest.param([1, 2, 3, None], [5, 6, 7, 8], "better", 3, id="a seed lost"),
            pytest.param([0, 0, 0], [0, 0, 0], "same", 3, id="all zero"),
            pytest.param([0.3] * 2, [0.1 + 0.2] * 2, "same", 2, id="rounding"),
        ],
    )
    def test_only_common_seeds_count(self, base, mine, expected, pairs):
        """Pairs are seeds with a value under both policies."""
        row = paired_differences(cells({"a": base, "b": mine}), "pods_bound", "a").iloc[
            0
        ]

        assert (row["verdict"], row["n"]) == (expected, pairs)

    def test_a_baseline_of_zero_has_no_relative_difference(self):
        """Relative to 0 pods there is no percentage."""
        frame = cells({"a": [0, 0, 0], "b": [1, 2, 3]})

        assert (
            paired_differences(frame, "pods_bound", "a")["relative_mean"].isna().all()
        )

    @pytest.mark.parametrize(
        ("metric", "base", "mine", "low", "high"),
        [
            pytest.param(
                "queue_wait_mean_s",
                [9, 10, 11],
                [0, 1, 12],
                -10,
                None,
                id="no wait < 0",
            ),
            pytest.param(
                "allocation_cpu_mean",
                [0.5, 0.5, 0.5],
                [0.3, 0.95, 0.95],
                -0.5,
                0.5,
                id="no allocation beyond 100 %",
            ),
        ],
    )
    def test_no_interval_holds_what_is_impossible(self, metric, base, mine, low, high):
        """Neither below −100 % nor past the whole; the verdict is not changed by it."""
        row = paired_differences(cells({"a": base, "b": mine}, metric), metric, "a")

        assert row["low"][0] == pytest.approx(low)
        assert row["relative_low"][0] == pytest.approx(-1)
        if high is not None:
            assert row["high"][0] == pytest.approx(high)
        assert row["verdict"][0] == "same"

    def test_failed_cells_do_not_count(self):
        """A cell that is not done gives no value, even if it has a number."""
        frame = cells({"a": [1, 2, 3], "b": [5, 6, 7]})
        frame.loc[frame["policy"] == "b", "status"] = "failed"

        row = paired_differences(frame, "pods_bound", "a").iloc[0]

        assert (row["policy"], row["n"], row["verdict"]) == ("b", 0, "not comparable")

    def test_an_unknown_metric_gets_a_suggestion(self):
        """A misspelt metric is answered with the nearest name."""
        with pytest.raises(UnknownNameError, match="nodes_used"):
            paired_differences(cells({"a": [1]}), "node_used", "a")

    def test_difference_of_arrays(self):
        """Equal differences have an interval of no length."""
        found, meaning = difference(
            np.array([2.0, 4.0]), np.array([1.0, 3.0]), metric_of("nodes_used")
        )

        assert found == (-1, -1, -1, 2, "all equal")
        assert meaning[:6] == (3, -1 / 3, -1 / 3, -1 / 3, "better", "significant")


class TestMethods:
    @pytest.mark.parametrize("method", ["student t", "bootstrap t", "BCa"])
    def test_each_method_covers_as_promised_at_30_normal_values(self, method):
        """600 samples: 95 % within three binomial errors (2.7 %)."""
        samples = np.random.default_rng(5).normal(7, 3, (600, 30))

        found = [interval(sample, method) for sample in samples]
        coverage = np.mean([one.low <= 7 <= one.high for one in found])

        assert {one.method for one in found} == {method}
        assert coverage == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 600))

    def test_at_eight_skew_values_the_default_covers_better_than_bca(self):
        """Which is why BCa is offered only."""
        samples = np.random.default_rng(6).exponential(1, (600, 8))

        missed = {
            method: np.mean(
                [
                    not one.low <= 1 <= one.high
                    for one in (interval(sample, method) for sample in samples)
                ]
            )
            for method in ("auto", "BCa")
        }

        assert missed["auto"] < missed["BCa"] - 0.03

    @pytest.mark.parametrize("shape", ["normal", "exponential"])
    def test_bca_is_scipys_bca(self, shape):
        """Equal but for the resamples, which are other ones."""
        from scipy.stats import bootstrap

        values = getattr(np.random.default_rng(8), shape)(size=25)
        theirs = bootstrap(
            (values,), np.mean, n_resamples=20_000, method="BCa", rng=1
        ).confidence_interval

        found = interval(values, "BCa")

        assert found[1:3] == pytest.approx(tuple(theirs), abs=0.03)

    def test_a_higher_confidence_is_a_longer_interval(self):
        """99 % takes more room than 95 %, 90 % less."""
        values = np.random.default_rng(9).normal(size=10)
        for method in ("student t", "bootstrap t", "BCa"):
            lengths = [
                (found := interval(values, method, level)).high - found.low
                for level in (0.9, 0.95, 0.99)
            ]

            assert lengths == sorted(lengths)

    def test_two_values_have_a_students_interval_whatever_is_asked(self):
        """Three ways to resample two values tell nothing."""
        assert interval([1, 2], "BCa") == interval([1, 2], "student t")

    def test_an_infinite_value_is_refused(self):
        """There is no mean of it."""
        with pytest.raises(InputError, match="infinite"):
            interval([1, np.inf])


class TestFamily:
    def test_equal_policies_are_the_same_in_all_of_many_comparisons(self):
        """A/A: of 300 reports with 20 comparisons, 5 % may claim anything at all."""
        generator = np.random.default_rng(11)
        wrong = 0
        for _ in range(300):
            noise = generator.normal(0, 1, (20, 8))
            family = weigh(dict(enumerate(noise)))
            wrong += any(each.adjusted <= 0.05 for each in family.values())

        assert wrong / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)

    def test_without_a_correction_most_such_reports_would_claim_something(self):
        """The same noise, each comparison by itself: 1 − 0.95^20 = 64 %."""
        generator = np.random.default_rng(11)
        wrong = sum(
            any(paired_test(one).p <= 0.05 for one in generator.normal(0, 1, (20, 8)))
            for _ in range(300)
        )

        assert wrong / 300 > 0.5

    @pytest.mark.parametrize("correction", ["holm", "benjamini-hochberg"])
    def test_a_known_difference_is_found_among_noise(self, correction):
        """Four errors' worth at 8 seeds, among 20 comparisons."""
        generator = np.random.default_rng(12)
        noise = dict(enumerate(generator.normal(0, 1, (20, 8))))
        noise[7] = noise[7] + 4

        family = weigh(noise, correction)

        assert [place for place, one in family.items() if one.adjusted <= 0.05] == [7]

    def test_a_verdict_needs_the_corrected_p(self):
        """A gain that stands alone may be chance among a hundred comparisons."""
        generator = np.random.default_rng(13)
        base = generator.normal(100, 5, 6)
        frame = cells({"a": base, "b": base + generator.normal(2, 1.5, 6)})
        alone = paired_differences(frame, "pods_bound", "a").iloc[0]
        evidence = Evidence(alone["p"], 1.0, "paired t", 100)

        row = paired_differences(
            frame,
            "pods_bound",
            "a",
            family={("small", "5", "b", "pods_bound"): evidence},
        ).iloc[0]

        assert (alone["verdict"], alone["basis"]) == ("better", "significant")
        assert (row["verdict"], row["basis"]) == ("same", "not told apart")
        assert row["low"] > 0

    def test_the_family_counts_what_can_differ(self):
        """Constant metrics, one seed and metrics without direction are left out."""
        frame = cells({"a": [1, 2, 3.0], "b": [2, 2, 5.0], "c": [1, 2, 3.0]})
        frame["pods_total"] = [1, 2, 3, 4, 5, 6, 7, 8, 9.0]
        frame["nodes_used"] = 5.0

        family = family_of(frame, ["pods_bound", "pods_total", "nodes_used"], "a")

        assert {each.family for each in family.values()} == {1}
        assert {place[2:] for place in family} == {
            (policy, metric)
            for policy in "bc"
            for metric in ("pods_bound", "nodes_used")
        }

    @pytest.mark.parametrize(
        ("margin", "expected"),
        [
            pytest.param(0.0, ("better", "significant"), id="no margin"),
            pytest.param(0.001, ("better", "significant"), id="more than the margin"),
            pytest.param(0.05, ("same", "equivalent"), id="within the margin"),
        ],
    )
    def test_differences_within_the_margin_are_the_same(self, margin, expected):
        """1 % more is better, or nothing to speak of: the reader says which."""
        frame = cells({"a": [100, 200, 300.0], "b": [102, 202, 302.1]})

        row = paired_differences(frame, "pods_bound", "a", margin=margin).iloc[0]

        assert (row["verdict"], row["basis"]) == expected


def test_intervals_of_means_stay_in_range():
    """A mean of fractions has an interval between 0 and 1."""
    frame = summarize(
        cells({"a": [0.01, 0.99, 0.5]}, "balance_zones_cpu"), "balance_zones_cpu"
    )

    assert (frame["low"][0], frame["high"][0]) == (0, 1)


def test_summarize_gives_a_row_a_policy():
    """Mean and interval over seeds, policies in the order of the cells."""
    frame = summarize(cells({"b": [1, 2, 3], "a": [5, 5, 5]}), "pods_bound")

    assert list(frame["policy"]) == ["b", "a"]
    assert list(frame["mean"]) == [2, 5]
    assert list(frame["method"]) == ["student t", "all equal"]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        pytest.param("pods_bound", [3, 1, 1], id="more is better"),
        pytest.param("nodes_used", [1, 2, 2], id="less is better"),
    ],
)
def test_ranks_share_the_better_place(metric, expected):
    """Policies with equal means have the same rank."""
    frame = ranks(cells({"a": [1, 3], "b": [4, 4], "c": [4, 4]}, metric), metric)

    assert list(frame["rank"]) == expected
    assert frame["relative"][expected.index(1)] == 1


def test_a_metric_without_direction_has_no_ranks():
    """What is neither good nor bad is not ranked."""
    frame = ranks(cells({"a": [1], "b": [2]}, "pods_total"), "pods_total")

    assert frame["rank"].isna().all()
