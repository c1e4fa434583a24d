"""Paired tests, corrections and effect sizes against their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.errors import InputError
from schedbench.experiment.statistics import (
    benjamini_hochberg,
    cliffs_delta,
    cohen_dz,
    holm,
    paired_t,
    paired_test,
    sign_flip,
    signed_rank,
    superiority,
)

numbers = st.lists(st.integers(-6, 6), min_size=1, max_size=9)
probabilities = st.lists(st.floats(0, 1), max_size=12)


def by_hand(values: list[float]) -> float:
    """Return the share of all choices of signs with so large a sum."""
    total = abs(sum(values))
    every = itertools.product((-1, 1), repeat=len(values))
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True))) for signs in every
    ]
    return sum(each >= total - 1e-9 for each in sums) / len(sums)


@given(numbers)
def test_sign_flips_count_every_choice_of_signs(values):
    """Ties and zeros included."""
    assert sign_flip(values) == pytest.approx(by_hand(values))


@given(numbers)
def test_signed_ranks_flip_the_mean_ranks(values):
    """Zeros are left out, equal sizes share their mean rank."""
    kept = [value for value in values if value]
    sizes = sorted(abs(value) for value in kept)
    rank = {
        size: np.mean([place + 1 for place, each in enumerate(sizes) if each == size])
        for size in set(sizes)
    }
    ranks = [np.sign(value) * rank[abs(value)] for value in kept]

    assert signed_rank(values) == pytest.approx(by_hand(ranks) if kept else 1.0)


def test_tests_agree_with_scipy():
    """The paired t always; signed ranks where there are neither ties nor zeros."""
    from scipy.stats import ttest_1samp, wilcoxon

    for seed in range(20):
        values = np.random.default_rng(seed).normal(0.4, 1, 12)

        assert paired_t(values) == pytest.approx(ttest_1samp(values, 0).pvalue)
        assert signed_rank(values) == pytest.approx(
            wilcoxon(values, method="exact").pvalue
        )


def test_beyond_30_pairs_signs_are_drawn():
    """Near the exact p, never 0, and the same every time."""
    values = np.random.default_rng(2).normal(0.3, 1, 30)
    more = np.append(values, 0.0)
    sure = np.arange(1.0, 40.0)

    assert sign_flip(more) == pytest.approx(sign_flip(values), abs=0.005)
    assert sign_flip(more) == sign_flip(more)
    assert sign_flip(sure) == 1 / 100_000


@pytest.mark.parametrize(
    ("pairs", "family", "expected"),
    [
        pytest.param(6, 1, "sign flip", id="six pairs tell 3 %"),
        pytest.param(5, 1, "paired t", id="five pairs cannot tell 5 %"),
        pytest.param(8, 6, "sign flip", id="enough for six comparisons"),
        pytest.param(8, 7, "paired t", id="too few for seven"),
        pytest.param(40, 5000, "sign flip", id="many seeds, many comparisons"),
        pytest.param(1, 1, "none", id="one seed"),
    ],
)
def test_the_test_depends_on_pairs_and_comparisons(pairs, family, expected):
    """Sign flips wherever they can reach 5 % after correction."""
    values = np.random.default_rng(0).normal(size=pairs)

    assert paired_test(values, family).method == expected


def test_no_test_says_more_than_it_may():
    """Under no difference p ≤ 5 % in 5 % of 1,000 samples, and never in far more."""
    generator = np.random.default_rng(4)
    samples = generator.normal(0, 2, (1000, 9))
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)
    for test in (sign_flip, signed_rank, paired_t):
        share = np.mean([test(sample) <= 0.05 for sample in samples])

        assert 0.02 < share <= allowed


@pytest.mark.parametrize("test", [sign_flip, signed_rank, paired_t])
def test_columns_without_spread(test):
    """Nothing differs: p = 1. All differ by the same: as sure as the test can be."""
    assert test([0, 0, 0, 0]) == 1.0
    assert test([2, 2, 2, 2]) == (0.0 if test is paired_t else 0.125)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("test", [sign_flip, signed_rank, paired_t, cohen_dz])
def test_what_is_no_number_is_refused(test, value):
    """A pair without a value is left out before, not counted as something."""
    with pytest.raises(InputError, match="NaN or infinite"):
        test([1, value, 2])


@given(probabilities)
def test_holm_by_its_definition(values):
    """p(i) times the number of those not smaller, never falling, at most 1."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    expected, last = [0.0] * len(values), 0.0
    for place, i in enumerate(order):
        last = max(last, min(1.0, values[i] * (len(values) - place)))
        expected[i] = last

    assert holm(values).tolist() == pytest.approx(expected)


@given(probabilities)
def test_benjamini_and_hochberg_as_scipy_has_it(values):
    """The least of p · m ÷ rank among those not smaller."""
    from scipy.stats import false_discovery_control

    expected = false_discovery_control(values) if values else []

    assert benjamini_hochberg(values).tolist() == pytest.approx(list(expected))


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5])
def test_what_is_no_probability_is_refused(correct, wrong):
    """NaN would sort itself to the end and pass for the largest."""
    with pytest.raises(InputError, match=r"0\.\.1"):
        correct([0.1, wrong])


@given(numbers, numbers)
def test_cliffs_delta_counts_all_pairs(new, base):
    """Greater minus less, over every value of one and of the other."""
    wins = sum((x > y) - (x < y) for x in new for y in base)

    assert cliffs_delta(new, base) == pytest.approx(wins / (len(new) * len(base)))


def test_effect_sizes_by_hand():
    """Mean 2 and deviation 1 make dz 2; two gains, a loss and a tie 5 of 8."""
    assert cohen_dz([1, 2, 3]) == 2
    assert cohen_dz([0, 0]) == 0
    assert cohen_dz([-1, -1]) == -np.inf
    assert superiority([3, 1, -1, 0]) == 5 / 8


def test_effect_sizes_of_too_little():
    """One seed has no spread, none no share."""
    found = [cohen_dz([1]), superiority([]), cliffs_delta([], [1])]

    assert np.isnan(found).all()
