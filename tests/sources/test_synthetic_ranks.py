"""How drawn values are numbered."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schedbench.sources.synthetic.pods import ranks

GRID = st.builds(
    lambda step, n: step * n, st.sampled_from([1, 10, 2**20]), st.integers(0, 9)
)


@given(values=st.lists(GRID | st.integers(-(2**60), 2**60), max_size=30))
def test_ranks_are_those_among_the_sorted_different_values(values):
    """On a grid, by a table, as off it, by sorting."""
    different = sorted(set(values))
    column = np.array(values, dtype=np.int64)

    index, count = ranks(column)

    assert ([different.index(value) for value in values], len(different)) == (
        index.tolist(),
        count,
    )
