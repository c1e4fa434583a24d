"""NodeResourcesFit: a pod's requests must fit into what is free on the node.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/noderesources (fit.go,
least_allocated.go, most_allocated.go, requested_to_capacity_ratio.go). Scores are
integers 0..100, all divisions truncate but the last of RequestedToCapacityRatio,
which rounds. Scoring takes cpu and memory with defaults for absent requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import (
    CPU,
    FIRST_EXTENDED,
    MEMORY,
    PODS,
    ClusterState,
    PodClasses,
)
from schedbench.jit import array_kernel, inner_kernel, kernel
from schedbench.plugins.arithmetic import NARROW, exact_divide, percent
from schedbench.plugins.base import (
    ClusterView,
    NodeVerdicts,
    Scope,
    ScoreColumns,
    ScoreKind,
    ScorePlugin,
    Status,
)

MAX_SCORE = 100
MAX_SHAPE_SCORE = 10
DEFAULT_RESOURCES = (("cpu", 1), ("memory", 1))

Strategy = Literal["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"]
_KINDS = {
    "LeastAllocated": ScoreKind.LEAST_ALLOCATED,
    "MostAllocated": ScoreKind.MOST_ALLOCATED,
    "RequestedToCapacityRatio": ScoreKind.REQUESTED_TO_CAPACITY_RATIO,
}


class NodeResourcesFit(ScorePlugin):
    """Rejects nodes without room, and scores them by how full they would be.

    Parameters
    ----------
    strategy
        The scoring strategy.
    resources
        Names and weights of the resources to score by.
    shape
        For RequestedToCapacityRatio: (utilization in percent, score 0..10), rising.
    ignored, ignored_groups
        Extended resources, and their domains, that need not fit.
    """

    name: ClassVar[str] = "NodeResourcesFit"
    filter_scope: ClassVar[Scope | None] = Scope.NODE
    score_scope: ClassVar[Scope | None] = Scope.NODE

    def __init__(
        self,
        strategy: Strategy = "LeastAllocated",
        resources: Sequence[tuple[str, int]] = DEFAULT_RESOURCES,
        shape: Sequence[tuple[int, int]] = (),
        *,
        ignored: Sequence[str] = (),
        ignored_groups: Sequence[str] = (),
    ) -> None:
        self.ignored = frozenset(ignored)
        self.ignored_groups = frozenset(ignored_groups)
        self.kind = _KINDS[strategy]
        self.resources = tuple(resources)
        scale = MAX_SCORE // MAX_SHAPE_SCORE
        self.shape = tuple((percent, score * scale) for percent, score in shape)

    def prepare(self, classes: PodClasses, resources: Sequence[str]) -> PodClasses:
        """Return the classes without the rows that need not fit."""
        skipped = [
            row
            for row, name in enumerate(resources)
            if is_extended(name)
            and (name in self.ignored or name.split("/")[0] in self.ignored_groups)
        ]
        if not skipped:
            return classes
        kept = ~np.isin(classes.rows, skipped)
        start = np.zeros_like(classes.row_start)
        start[1:] = np.cumsum(kept)[classes.row_start[1:] - 1]
        return classes._replace(fit_rows=classes.rows[kept], fit_start=start)

    def verdicts(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return on which nodes the pod does not fit, with every resource short.

        More than a node has in all is unresolvable, but for the number of pods.
        """
        rows, short, hopeless = self.shortages(view, pod_class, slots)
        rejected = np.flatnonzero(short.any(axis=0))
        code = np.zeros(len(slots), dtype=np.int16)
        known: dict[bytes, int] = {}
        statuses: list[Status] = []
        patterns = np.vstack([short, hopeless])[:, rejected].T
        for slot, pattern in zip(rejected, patterns, strict=True):
            content = pattern.tobytes()
            if content not in known:
                lacking = rows[pattern[:-1]]
                reasons = tuple(short_of(view.resources[row]) for row in lacking)
                statuses.append(Status(reasons, bool(pattern[-1])))
                known[content] = len(statuses)
            code[slot] = known[content]
        return NodeVerdicts(code, statuses)

    def shortages(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return resource rows, which are short, and where no eviction would help.

        Returns
        -------
        rows : int32[M]
            The rows that must fit, the number of pods first.
        short : bool[M, slots]
            Whether the node has too little free.
        hopeless : bool[slots]
            Whether the pod asks for more of one than the node has in all.
        """
        first, last = view.classes.fit_start[pod_class : pod_class + 2]
        rows = view.classes.fit_rows[first:last]
        rows = np.concatenate([rows[rows == PODS], rows[rows != PODS]])
        request = view.classes.request[pod_class, rows][:, None]
        capacity = view.state.allocatable[rows[:, None], slots]
        short = request > capacity - view.state.requested[rows[:, None], slots]
        above = short & (request > capacity) & (rows != PODS)[:, None]
        return rows, short, above.any(axis=0)


def is_extended(name: str) -> bool:
    """Return whether a resource is an extended one, by its name."""
    return "/" in name and not (
        "kubernetes.io/" in name or name.startswith("requests.")
    )


def short_of(resource: str) -> str:
    """Return upstream's reason for too little of a resource."""
    return "Too many pods" if resource == "pods" else f"Insufficient {resource}"


@inner_kernel
def resources_fit(
    state: ClusterState,
    classes: PodClasses,
    pod_class: int,
    low: int,
    high: int,
    bad: NDArray[np.int64],
) -> None:
    """Make `bad[i]` negative if a requested resource is short on node `low + i`."""
    for index in range(classes.fit_start[pod_class], classes.fit_start[pod_class + 1]):
        resource = classes.fit_rows[index]
        request = classes.request[pod_class, resource]
        allocatable = state.allocatable[resource, low:high]
        requested = state.requested[resource, low:high]
        for i in range(allocatable.size):
            bad[i] |= allocatable[i] - requested[i] - request


@kernel
def fit_score(
    state: ClusterState,
    classes: PodClasses,
    columns: ScoreColumns,
    k: int,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> None:
    """Write the weighted mean of the resources' scores; `weights` is scratch.

    Resources of which a node has none drop out of its mean, as do extended resources
    that the pod does not ask for.
    """
    kind = columns.kind[k]
    if (
        kind == ScoreKind.LEAST_ALLOCATED
        and is_cpu_and_memory(columns, k)
        and _least_two(state, classes, pod_class, low, high, score)
    ):
        return
    score[:] = 0
    weights[:] = 0
    for m in range(columns.row_count[k]):
        row = columns.rows[k, m]
        weight = columns.row_weight[k, m]
        capacity = state.allocatable[row, low:high]
        if row <= MEMORY:
            used = state.nonzero[row, low:high]
            request = classes.nonzero[pod_class, row]
        else:
            used = state.requested[row, low:high]
            request = classes.request[pod_class, row]
            if row >= FIRST_EXTENDED and request == 0:
                continue
        if kind == ScoreKind.LEAST_ALLOCATED:
            _add_least(capacity, used, request, weight, score, weights)
        elif kind == ScoreKind.MOST_ALLOCATED:
            _add_most(capacity, used, request, weight, score, weights)
        else:
            shape = columns.shape[k, :, : columns.shape_count[k]]
            _add_ratio(capacity, used, request, weight, shape, score, weights)
    if kind == ScoreKind.REQUESTED_TO_CAPACITY_RATIO:
        _rounded_mean(score, weights)
    else:
        _mean(score, weights)


@array_kernel
def least_allocated(capacity: int, used: int, request: int) -> int:
    """Return the free share of a resource after placing the pod, 0..100."""
    free = max(capacity - used - request, 0)
    return exact_divide(free * MAX_SCORE, max(capacity, 1))


@kernel
def is_cpu_and_memory(columns: ScoreColumns, k: int) -> bool:
    """Return whether score k looks at cpu and memory, alike, as upstream's default."""
    return bool(
        columns.row_count[k] == 2
        and columns.rows[k, 0] == CPU
        and columns.rows[k, 1] == MEMORY
        and columns.row_weight[k, 0] == columns.row_weight[k, 1]
    )


@array_kernel
def least_of_two(capacity_1: int, taken_1: int, capacity_2: int, taken_2: int) -> int:
    """Return the mean free share of two resources of less than `NARROW`, 0..100.

    Where there is none of one, the score is the other's alone.
    """
    free_1 = max(capacity_1 - taken_1, 0)
    free_2 = max(capacity_2 - taken_2, 0)
    total = percent(free_1, max(capacity_1, 1)) + percent(free_2, max(capacity_2, 1))
    return total >> np.int32((capacity_1 != 0) & (capacity_2 != 0))


@inner_kernel
def _least_two(
    state: ClusterState,
    classes: PodClasses,
    pod_class: int,
    low: int,
    high: int,
    score: NDArray[np.int64],
) -> bool:
    """Score cpu and memory, the default, in one pass; return whether all are narrow."""
    capacity_1 = state.allocatable[CPU, low:high]
    capacity_2 = state.allocatable[MEMORY, low:high]
    used_1, used_2 = state.nonzero[CPU, low:high], state.nonzero[MEMORY, low:high]
    request_1 = classes.nonzero[pod_class, CPU]
    request_2 = classes.nonzero[pod_class, MEMORY]
    seen = np.int64(0)
    for i in range(score.size):
        seen |= capacity_1[i] | capacity_2[i]
        score[i] = least_of_two(
            capacity_1[i], used_1[i] + request_1, capacity_2[i], used_2[i] + request_2
        )
    return bool(seen < NARROW)


@array_kernel
def _add_least(
    capacity: NDArray[np.int64],
    used: NDArray[np.int64],
    request: int,
    weight: int,
    score: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> None:
    for i in range(capacity.size):
        score[i] += weight * least_allocated(capacity[i], used[i], request)
        weights[i] += weight * np.int64(capacity[i] != 0)


@array_kernel
def _add_most(
    capacity: NDArray[np.int64],
    used: NDArray[np.int64],
    request: int,
    weight: int,
    score: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> None:
    for i in range(capacity.size):
        total = min(used[i] + request, capacity[i])
        score[i] += weight * exact_divide(total * MAX_SCORE, max(capacity[i], 1))
        weights[i] += weight * np.int64(capacity[i] != 0)


@kernel
def _add_ratio(
    capacity: NDArray[np.int64],
    used: NDArray[np.int64],
    request: int,
    weight: int,
    shape: NDArray[np.int64],
    score: NDArray[np.int64],
    weights: NDArray[np.int64],
) -> None:
    for i in range(capacity.size):
        if capacity[i] == 0:
            continue
        total = used[i] + request
        percent = 100 if total > capacity[i] else total * 100 // capacity[i]
        points = _interpolate(shape, percent)
        if points > 0:
            score[i] += weight * points
            weights[i] += weight


@kernel
def _interpolate(shape: NDArray[np.int64], percent: int) -> int:
    """Return the score at a utilization; integer slopes truncate toward zero."""
    last = shape.shape[1] - 1
    for i in range(last + 1):
        if percent <= shape[0, i]:
            if i == 0:
                return shape[1, 0]
            rise = (shape[1, i] - shape[1, i - 1]) * (percent - shape[0, i - 1])
            run = shape[0, i] - shape[0, i - 1]
            step = abs(rise) // run
            return shape[1, i - 1] + (step if rise >= 0 else -step)
    return shape[1, last]


@array_kernel
def _mean(score: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
    for i in range(score.size):
        score[i] = exact_divide(score[i], max(weights[i], 1))


@array_kernel
def _rounded_mean(score: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
    for i in range(score.size):
        mean = np.float64(score[i]) / np.float64(max(weights[i], 1))
        score[i] = np.int64(np.floor(mean + 0.5))
