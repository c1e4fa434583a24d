"""Whether namespaces get alike what they ask for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.timeline import Timeline, quotient
from schedbench.simulation.record import EventKind


def jain(values: NDArray[np.float64]) -> float | None:
    """Return (Σx)² ÷ (n Σx²), 1 = all equal; None without values or if all are 0.

    Source: Jain, Chiu and Hawe, "A quantitative measure of fairness" (1984).
    """
    squares = float(values @ values)
    return float(values.sum()) ** 2 / (len(values) * squares) if squares else None


def _received(timeline: Timeline) -> NDArray[np.float64]:
    """Return how long each pod had a node, seconds; without time 1 if it has one."""
    stays, record = timeline.intervals, timeline.record
    pods = len(timeline.encoded.workload.pods)
    if timeline.timeless:
        seconds = (stays.end == timeline.events).astype(np.float64)
    else:
        until = np.append(record.time, record.horizon)
        seconds = until[stays.end] - record.time[stays.start]
    return np.bincount(stays.pod, seconds, pods).astype(np.float64)


def _demanded(timeline: Timeline) -> NDArray[np.float64]:
    """Return how long each pod had or wanted a node, seconds; without time 1."""
    arrival = timeline.first(EventKind.ARRIVE)
    if timeline.timeless:
        return np.isfinite(arrival).astype(np.float64)
    gone = np.fmin(timeline.last(EventKind.FINISH), timeline.last(EventKind.DELETE))
    until = np.where(np.isnan(gone), timeline.record.horizon, gone)
    return np.nan_to_num(until - arrival)


def _namespaces(timeline: Timeline) -> NDArray[np.int64]:
    """Return a number for each pod's namespace, int64[pod]."""
    pods = timeline.encoded.workload.pods
    names = [template.metadata.namespace or "default" for template in pods.templates]
    _, number = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return np.asarray(number.reshape(-1)[pods.template])


def jain_fairness_namespaces(timeline: Timeline) -> float | None:
    """Return Jain's index over namespaces of received ÷ demanded dominant share.

    A namespace demands the requests of its pods for as long as they are there, and
    receives them while they have a node; its dominant share is the largest share of
    the cluster over resources (Ghodsi et al., "Dominant Resource Fairness", 2011).
    None with fewer than two namespaces that demand something.
    """
    encoded = timeline.encoded
    if len(encoded.class_of) == 0:
        return None
    namespace = _namespaces(timeline)
    count = int(namespace.max()) + 1
    if count < 2:
        return None
    classes = encoded.classes
    amounts = np.column_stack(
        [classes.request, classes.gpu_count * classes.gpu_milli]
    ).astype(np.float64)
    states = timeline.states
    whole = np.array(
        [timeline.total(row).max() for row in (*states.capacity, states.gpu_capacity)]
    )
    shares = quotient(amounts, whole, 0.0)

    def dominant_share(weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum share × weight for each namespace; take the largest resource."""
        sums = [
            np.bincount(namespace, weight * column[timeline.record.pod_class], count)
            for column in shares.T
        ]
        return np.asarray(np.max(sums, axis=0))

    demanded = dominant_share(_demanded(timeline))
    received = dominant_share(_received(timeline))
    asking = demanded > 0
    if np.count_nonzero(asking) < 2:
        return None
    return jain(received[asking] / demanded[asking])
