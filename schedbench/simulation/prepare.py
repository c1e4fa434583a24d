"""From an encoded workload to the arrays of the event loop."""

from __future__ import annotations

import numpy as np

from schedbench.cluster.encode import EncodedWorkload
from schedbench.simulation.columns import Counters, Log, Pods, Progress
from schedbench.simulation.rejections import make_counts


def make_pods(encoded: EncodedWorkload) -> Pods:
    """Return the pods as the loop reads them: in queue order, with their ranks.

    Of pods that arrive together, those that come bound are first.
    """
    stream = encoded.workload.pods
    index = np.arange(len(stream))
    pending = stream.node < 0
    order = np.lexsort((index, -encoded.priority, pending, stream.arrival))
    by_rank = np.lexsort((index, stream.arrival, -encoded.priority))
    rank = np.empty(len(stream), dtype=np.int32)
    rank[by_rank] = index
    deleted = np.flatnonzero(np.isfinite(stream.deletion))
    deletions = deleted[np.argsort(stream.deletion[deleted], kind="stable")]
    return Pods(
        pod_class=encoded.class_of.copy(),
        arrival=stream.arrival,
        duration=stream.duration,
        deletion=stream.deletion,
        node=stream.node,
        order=order.astype(np.int32),
        rank=rank,
        by_rank=by_rank.astype(np.int32),
        deletions=deletions.astype(np.int32),
    )


def make_progress(encoded: EncodedWorkload) -> Progress:
    """Return the loop's own columns, before the first event."""
    pods = len(encoded.class_of)
    nodes = encoded.state.alive.size
    classes = len(encoded.class_pods)
    start = np.zeros(classes + 1, dtype=np.int32)
    start[1:] = np.cumsum(np.bincount(encoded.class_of, minlength=classes))
    counters = Counters(
        now=np.zeros(1, dtype=np.float64),
        **{
            name: np.zeros(1, dtype=np.int64)
            for name in Counters._fields
            if name != "now"
        },
    )
    return Progress(
        counters=counters,
        status=np.zeros(pods, dtype=np.int8),
        place=np.full(pods, -1, dtype=np.int32),
        devices=np.zeros(pods, dtype=np.int64),
        finish=np.full(pods, np.inf),
        finish_time=np.zeros(pods, dtype=np.float64),
        finish_pod=np.zeros(pods, dtype=np.int32),
        waiting=np.zeros(pods, dtype=np.int32),
        waiting_start=start,
        waiting_count=np.zeros(classes, dtype=np.int32),
        active=np.zeros(classes, dtype=np.int32),
        active_at=np.zeros(classes, dtype=np.int32),
        evicted=np.zeros(pods, dtype=np.int32),
        refused=np.zeros(classes, dtype=np.uint8),
        changed_nodes=np.zeros(nodes, dtype=np.int32),
        is_changed=np.zeros(nodes, dtype=np.uint8),
    )


def make_log(encoded: EncodedWorkload) -> Log:
    """Return an empty log with room for a run in which every pod binds at once."""
    entries = 3 * len(encoded.class_of) + 64
    return Log(
        time=np.zeros(entries, dtype=np.float64),
        kind=np.zeros(entries, dtype=np.int8),
        pod=np.zeros(entries, dtype=np.int32),
        node=np.zeros(entries, dtype=np.int32),
        devices=np.zeros(entries, dtype=np.int64),
        latency=np.zeros(entries, dtype=np.int64),
        rejections=make_counts(len(encoded.resources)),
    )


def grow_log(log: Log) -> Log:
    """Return the log with twice the room."""
    entries = ("time", "kind", "pod", "node", "devices", "latency")
    doubled = {
        name: np.concatenate([getattr(log, name), np.zeros_like(getattr(log, name))])
        for name in entries
    }
    return log._replace(**doubled)
