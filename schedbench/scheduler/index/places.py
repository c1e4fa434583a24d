"""Who has a row: where there are more classes than rows, those used last."""

from __future__ import annotations

import numpy as np

from schedbench.jit import inner_kernel
from schedbench.scheduler.index.layout import FREE, NOT_INDEXED, STALE, Index


@inner_kernel
def give_row(index: Index, pod_class: int) -> None:
    """Give a class the row unused for longest, if it was unused since the class came.

    So classes that come in turn, more than there are rows, do not take the rows from
    each other at each decision.
    """
    rows = index.rows
    many = rows.table.shape[0]
    low, high = 0, many
    if not index.plan.coupled[pod_class]:
        low, high = many, rows.holder.size
    oldest = np.int64(-1)
    for row in range(low, high):
        if oldest < 0 or rows.used[row] < rows.used[oldest]:
            oldest = np.int64(row)
    asked = index.asked[pod_class]
    index.asked[pod_class] = index.changes[0]
    if oldest < 0:
        return
    holder = np.int64(rows.holder[oldest])
    if holder != FREE:
        if rows.used[oldest] >= asked:
            return
        index.row[holder] = NOT_INDEXED
        index.asked[holder] = rows.used[oldest]
    rows.holder[oldest] = pod_class
    rows.seen[oldest] = STALE
    index.row[pod_class] = oldest


@inner_kernel
def give_up(index: Index, pod_class: int) -> None:
    """Leave a class out of the index: it has more cells than there is room for."""
    rows = index.rows
    row = np.int64(index.row[pod_class])
    rows.holder[row] = FREE
    rows.used[row] = -1
    index.row[pod_class] = NOT_INDEXED
    index.plan.able[pod_class] = 0
