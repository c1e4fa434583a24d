"""The distinct rows of a matrix."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from schedbench.cluster.distinct import distinct_rows

MATRICES = arrays.arrays(
    np.int64,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.sampled_from((0, 0, 0, 1, 2, 2**62)),
)


@given(MATRICES)
def test_rows_are_told_apart_and_ordered_as_numpy_does(matrix: np.ndarray) -> None:
    """First places and numbers are those of np.unique."""
    expected = np.unique(matrix, axis=0, return_index=True, return_inverse=True)
    first, place = distinct_rows(matrix)

    assert np.array_equal(matrix[first], expected[0])
    assert first.tolist() == expected[1].tolist()
    assert place.tolist() == expected[2].reshape(-1).tolist()
