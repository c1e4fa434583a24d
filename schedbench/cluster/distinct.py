"""The distinct rows of a matrix that may be wide and mostly empty."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray


def distinct_rows(
    matrix: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each distinct row is first, in the rows' order, and which is whose.

    As `np.unique(matrix, axis=0, return_index=True, return_inverse=True)`, but in the
    time that what is not zero takes: 5,000 rows of 5,000 extended resources took 3 s.

    Parameters
    ----------
    matrix : int64[row, column]
        Not negative.

    Returns
    -------
    int64[distinct], int64[row]
        Number of the first of the equal rows, from the least row to the greatest; for
        each row the place of its equal in that.
    """
    rows, columns = np.nonzero(matrix)
    # The earlier a row has its first amount, the greater it is; then the amount counts.
    pairs = np.stack([-columns, matrix[rows, columns]], axis=1).ravel().tolist()
    bounds = (2 * np.searchsorted(rows, np.arange(len(matrix) + 1))).tolist()
    keys = [tuple(pairs[begin:end]) for begin, end in itertools.pairwise(bounds)]
    first: dict[tuple[int, ...], int] = {}
    for number, key in enumerate(keys):
        first.setdefault(key, number)
    ordered = sorted(first)
    place = {key: number for number, key in enumerate(ordered)}
    return (
        np.array([first[key] for key in ordered], dtype=np.int64),
        np.array([place[key] for key in keys], dtype=np.int64),
    )
