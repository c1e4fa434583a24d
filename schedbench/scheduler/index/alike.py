"""Which classes are decided by the same rules, though their pods count differently."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.distinct import distinct_rows
from schedbench.cluster.layout import PodClasses
from schedbench.scheduler.cycle import Compiled


def alike_classes(compiled: Compiled) -> NDArray[np.int32]:
    """Return the first class that is decided by the same rules as each, int32[C].

    Such classes differ in what nobody asks for, as in their namespace, or in what their
    pods are to others: which counters they add to.
    """
    classes, static = compiled.classes, compiled.static
    _, request = distinct_rows(classes.request)
    numbers = np.column_stack(
        [
            request,
            classes.nonzero,
            classes.static_row,
            static.image_row,
            classes.gpu_count,
            classes.gpu_milli,
            classes.inter_pod.self_match,
            classes.spread.soft.all_keys,
        ]
    )
    _, inverse, times = np.unique(
        numbers, axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)
    alike = np.arange(len(numbers), dtype=np.int32)
    narrows = compiled.sampling.narrows
    known: dict[tuple[object, ...], int] = {}
    for pod_class in np.flatnonzero(times[inverse] > 1).tolist():
        if len(narrows) and narrows[pod_class]:
            continue
        content = (int(inverse[pod_class]), *_lists(classes, pod_class))
        alike[pod_class] = known.setdefault(content, pod_class)
    return alike


def _lists(classes: PodClasses, pod_class: int) -> list[bytes]:
    terms, spread = classes.inter_pod, classes.spread
    hard, soft = spread.hard, spread.soft
    columns = [
        (classes.fit_start, classes.fit_rows),
        (classes.conflict_start, classes.conflicts),
        *(
            (each.start, column)
            for each in (
                terms.affinity,
                terms.own_anti,
                terms.existing_anti,
                terms.scored,
            )
            for column in (each.item, each.weight)
        ),
        *(
            (hard.start, column)
            for column in (hard.counter, hard.max_skew, hard.min_domains, hard.itself)
        ),
        *(
            (soft.start, column)
            for column in (soft.counter, soft.max_skew, soft.by_node, soft.key_counter)
        ),
    ]
    return [
        column[start[pod_class] : start[pod_class + 1]].tobytes()
        for start, column in columns
    ]
