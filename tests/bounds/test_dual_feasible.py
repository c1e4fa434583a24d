"""Rewritten sizes that fit together whenever the sizes did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedbench.bounds.dual_feasible import family, rounding, stairs, threshold


@st.composite
def bins(draw):
    """Draw a capacity, sizes that fit together, and further sizes."""
    capacity = draw(st.integers(1, 60))
    inside, left = [], capacity
    while left and draw(st.booleans()):
        inside.append(draw(st.integers(0, left)))
        left -= inside[-1]
    others = draw(st.lists(st.integers(0, capacity), max_size=5))
    return capacity, inside, others


@given(bins())
def test_what_fits_together_still_does(drawn):
    """Every function of the family sums to at most 1 over sizes that fit a bin."""
    capacity, inside, others = drawn
    sizes = np.array([*inside, *others], dtype=np.int64)
    for rewritten in family(sizes, capacity):
        assert rewritten[: len(inside)].sum() <= 1 + 1e-12


@given(st.integers(1, 40), st.data())
def test_every_parameter_is_dual_feasible(capacity, data):
    """Each function holds for each of its parameters, not only those the family has."""
    parts = data.draw(st.lists(st.integers(1, capacity), max_size=6))
    while sum(parts) > capacity:
        parts.pop()
    sizes = np.array(parts, dtype=np.int64)
    k = data.draw(st.integers(1, 50))
    found = [rounding(sizes, capacity, k)]
    if capacity >= 2:
        t = data.draw(st.integers(1, capacity // 2))
        found += [threshold(sizes, capacity, t), stairs(sizes, capacity, t)]

    assert max(each.sum() for each in found) <= 1 + 1e-12


@pytest.mark.parametrize(
    ("sizes", "capacity", "bins_needed"),
    [
        pytest.param([51] * 4, 100, 4, id="more than half a bin each"),
        pytest.param([34] * 6, 100, 3, id="more than a third of a bin each"),
        pytest.param([70, 70, 30, 30, 40], 100, 3, id="volume would say 3 as well"),
        pytest.param([60, 60, 45, 45], 100, 3, id="two halves beside two large ones"),
    ],
)
def test_bounds_better_than_the_volume(sizes, capacity, bins_needed):
    """The best of the family reaches what is known of textbook instances."""
    sizes = np.array(sizes, dtype=np.int64)
    best = max(each.sum() for each in family(sizes, capacity))

    assert np.ceil(best - 1e-9) == bins_needed
