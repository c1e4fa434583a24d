"""Linear programs over kinds of pods and groups of nodes, with cuts.

Variables count the pods of a kind on a group, and the nodes used of it. Rows say that
each column's volume suffices, and, as cuts added where the last solution breaks them,
that sizes rewritten by dual feasible functions fit as well. Any placement gives a
solution (its counts), so no policy does better than the optimum.

A solver's numbers are not trusted: the value returned is that of the dual at the
solver's multipliers, which bounds the optimum whatever the multipliers are (weak
duality with bounded variables; Neumaier and Shcherbina, "Safe bounds in linear and
mixed-integer linear programming", Math. Programming 99, 2004).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.bound import Status
from schedbench.bounds.dual_feasible import family

if TYPE_CHECKING:
    from schedbench.bounds.packing import Column, Packing

ROUNDS = 8
LEAST_VIOLATION = 1e-6


@dataclasses.dataclass(frozen=True, slots=True)
class Relaxed:
    """What a solver proved: a bound, and the value of the best solution it found."""

    value: float
    status: Status
    best: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Row:
    """Σ coefficient · pods of the group ≤ bins of the group."""

    group: int
    coefficient: NDArray[Any]
    bins: float
    bins_of_node: float


def most_weight(packing: Packing, weight: NDArray[np.float64], limit: float) -> Relaxed:
    """Bound the weight of pods that can be on the nodes at one time from above.

    Parameters
    ----------
    weight : float64[K]
        What a pod of each kind counts, at least 0.
    limit
        Seconds that the solver is given in all.
    """
    largest = float(weight.max(initial=0.0)) or 1.0
    found = _Program(packing).maximize(weight / largest, limit)
    return dataclasses.replace(found, value=found.value * largest)


def fewest_nodes(packing: Packing, limit: float) -> Relaxed | None:
    """Bound the nodes that run all of the pods at one time from below.

    None if they cannot all be there at one time.
    """
    return _Program(packing).minimize(limit)


def ceiling(
    worth: NDArray[np.float64],
    upper: NDArray[np.float64],
    matrix: Any,
    right: NDArray[np.float64],
    deadline: float,
) -> tuple[float, NDArray[np.float64] | None]:
    """Return a bound on the greatest `worth · x`, and the solver's x.

    Over all 0 ≤ x ≤ `upper` with `matrix` x ≤ `right`. Without an answer in time x is
    None and the bound is what the variables' own limits allow.

    Parameters
    ----------
    deadline
        `time.monotonic()` at which the solver is stopped.
    """
    found = _solve(-worth, upper, deadline, matrix, right)
    if found is None or found.x is None:
        return float(np.maximum(worth, 0.0) @ upper), None
    dual = np.maximum(-found.ineqlin.marginals, 0.0)
    reduced = np.maximum(worth - matrix.T @ dual, 0.0)
    return float(right @ dual + upper @ reduced), found.x


class _Program:
    """The pairs of kinds and groups, and the rows so far."""

    def __init__(self, packing: Packing) -> None:
        self.packing = packing
        self.columns = packing.columns()
        most = packing.most()
        group, kind = np.nonzero(most.T)
        self.kind, self.group = kind, group
        self.upper = most[kind, group].astype(np.float64)
        self.first = np.searchsorted(group, np.arange(len(packing.groups) + 1))
        self.rows: list[_Row] = []

    def maximize(self, weight: NDArray[np.float64], limit: float) -> Relaxed:
        """Return the most weight."""
        worth = weight[self.kind]
        if not len(worth):
            return Relaxed(0.0, "optimal")
        best = float(np.minimum(worth @ self.upper, weight @ self.packing.count))
        self.rows = [*self._volumes(largest=False)]
        deadline, status = time.monotonic() + limit, "optimal"
        for _ in range(ROUNDS):
            matrix, right = self._of_groups(), np.array([row.bins for row in self.rows])
            matrix, right = self._with_counts(matrix, right)
            value, x = ceiling(worth, self.upper, matrix, right, deadline)
            best = min(best, value)
            if x is None:
                status = "time limit"
                break
            if not self._cut(x, lambda row: row.bins):
                break
        return Relaxed(best, status)  # type: ignore[arg-type]

    def minimize(self, limit: float) -> Relaxed | None:
        """Return the fewest nodes."""
        from scipy.sparse import coo_array, hstack

        groups, pairs = len(self.packing.groups), len(self.kind)
        if self.packing.count.sum() == 0:
            return Relaxed(0.0, "optimal")
        uniform = self.packing.groups.uniform
        limits = [] if uniform else [*self._volumes(largest=False)]
        self.rows = [*self._volumes(largest=True)]
        cost = np.concatenate([np.zeros(pairs), np.ones(groups)])
        upper = np.concatenate([self.upper, self.packing.groups.size.astype(float)])
        count = self.packing.count.astype(float)
        which = self.kind, np.arange(pairs)
        shape = len(count), pairs + groups
        equal = coo_array((np.ones(pairs), which), shape=shape).tocsr()
        deadline, best = time.monotonic() + limit, 1.0
        for _ in range(ROUNDS):
            row = np.arange(len(self.rows))
            used = coo_array(
                (
                    [-each.bins_of_node for each in self.rows],
                    (row, [each.group for each in self.rows]),
                ),
                shape=(len(row), groups),
            )
            matrix = hstack([self._of_groups(), used]).tocsr()
            right = np.zeros(len(row))
            if limits:
                more = self._of_groups(limits)
                none = coo_array((len(limits), groups))
                matrix = _stacked(matrix, hstack([more, none]))
                right = np.append(right, [each.bins for each in limits])
            found = _solve(cost, upper, deadline, matrix, right, equal, count)
            if found is None:
                return Relaxed(best, "time limit")
            if found.status == 2:
                return None
            dual = np.maximum(-found.ineqlin.marginals, 0.0)
            price = found.eqlin.marginals
            reduced = np.minimum(cost + matrix.T @ dual - equal.T @ price, 0.0)
            value = price @ count - right @ dual + upper @ reduced
            best = max(best, float(value))
            nodes = found.x[pairs:]
            if not self._cut(
                found.x[:pairs], lambda row, n=nodes: row.bins_of_node * n[row.group]
            ):
                break
        return Relaxed(best, "optimal")

    def _volumes(self, *, largest: bool) -> Iterator[_Row]:
        """Yield each column's volume row of each group.

        Parameters
        ----------
        largest
            Whether every bin counts as the group's largest, rather than the mean.
        """
        for column in self.columns:
            for group in range(len(self.packing.groups)):
                bins = float(column.bins[group])
                whole = float(column.total[group])
                if largest:
                    whole = float(column.capacity[group]) * bins
                if whole > 0:
                    share = column.items * column.size * (bins / whole)
                    yield _Row(group, share, bins, float(column.bins_of_node[group]))

    def _of_groups(self, rows: list[_Row] | None = None) -> Any:
        from scipy.sparse import csr_array

        rows = self.rows if rows is None else rows
        spans = [slice(self.first[r.group], self.first[r.group + 1]) for r in rows]
        data = [r.coefficient[self.kind[s]] for r, s in zip(rows, spans, strict=True)]
        index = [np.arange(s.start, s.stop) for s in spans]
        start = np.cumsum([0, *(len(each) for each in index)])
        shape = len(rows), len(self.kind)
        joined = (np.concatenate([*data, []]), np.concatenate([*index, []]).astype(int))
        return csr_array((*joined, start), shape=shape)

    def _with_counts(self, matrix: Any, right: NDArray[np.float64]) -> tuple[Any, Any]:
        """Add that no more pods of a kind are placed than there are."""
        from scipy.sparse import coo_array

        kinds, pairs = len(self.packing.count), len(self.kind)
        which = self.kind, np.arange(pairs)
        counts = coo_array((np.ones(pairs), which), shape=(kinds, pairs))
        return _stacked(matrix, counts), np.append(right, self.packing.count)

    def _cut(self, x: NDArray[np.float64], room: Any) -> bool:
        """Add each column's most broken rewriting in each group; tell if there is one.

        Parameters
        ----------
        room
            From a row to the bins that the solution has for it.
        """
        found = [
            row
            for group in range(len(self.packing.groups))
            for column in self.columns
            if (row := self._worst(column, group, x, room)) is not None
        ]
        self.rows += found
        return bool(found)

    def _worst(
        self, column: Column, group: int, x: NDArray[np.float64], room: Any
    ) -> _Row | None:
        span = slice(self.first[group], self.first[group + 1])
        capacity, kind = int(column.capacity[group]), self.kind[span]
        if not len(kind) or capacity < 1:
            return None
        size, pods = column.size[kind], x[span] * column.items[kind]
        bins = float(column.bins[group])
        of_node = float(column.bins_of_node[group])
        empty = _Row(group, np.zeros(0), bins, of_node)
        worst, most = None, float(room(empty)) + LEAST_VIOLATION * max(1.0, bins)
        for rewritten in family(size, capacity):
            filled = float(rewritten @ pods)
            if filled > most:
                worst, most = rewritten, filled
        if worst is None:
            return None
        coefficient = np.zeros(len(self.packing.count))
        coefficient[kind] = worst * column.items[kind]
        return _Row(group, coefficient, bins, of_node)


def _stacked(above: Any, below: Any) -> Any:
    from scipy.sparse import vstack

    return vstack([above, below]).tocsr()


def _solve(
    cost: NDArray[np.float64],
    upper: NDArray[np.float64],
    deadline: float,
    matrix: Any,
    right: NDArray[np.float64],
    equal: Any = None,
    count: NDArray[np.float64] | None = None,
) -> Any:
    """Return HiGHS's answer, None if it gave none in time."""
    from scipy.optimize import linprog

    left = deadline - time.monotonic()
    if left <= 0:
        return None
    bounds = np.column_stack([np.zeros(len(upper)), upper])
    found = linprog(
        cost, matrix, right, equal, count, bounds, options={"time_limit": left}
    )
    return found if found.status in {0, 2} else None
