"""The one table of metrics: name, unit, direction, kind, function, meaning.

A new metric is a function of the `Timeline` of a run and a row here; or of the `Course`
of a run that was played end to end, and a row of `table_end_to_end`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from schedbench.metrics import (
    allocation,
    balance,
    counts,
    fairness,
    fragmentation,
    packing,
    speed,
    validator,
    waiting,
)
from schedbench.metrics.metric import Direction, Metric, Value
from schedbench.metrics.table_end_to_end import END_TO_END


def _quality(
    name: str,
    unit: str,
    better: Direction,
    function: Callable[..., Value],
    description: str,
    **arguments: object,
) -> Metric:
    bound = functools.partial(function, **arguments) if arguments else function
    return Metric(name, unit, better, "quality", bound, description)


def _wall(
    name: str,
    unit: str,
    better: Direction,
    function: Callable[..., Value],
    description: str,
) -> Metric:
    return Metric(name, unit, better, "wall_clock", function, description)


def _latency(percent: int) -> Metric:
    return _wall(
        f"latency_p{percent}_us",
        "µs",
        "down",
        functools.partial(speed.latency_percentile, percent=percent),
        f"{percent}th percentile of the time of one scheduling call.",
    )


def _allocations() -> list[Metric]:
    rows = []
    for resource, title in (("cpu", "CPU"), ("memory", "memory"), ("gpu", "GPU")):
        rows += [
            _quality(
                f"allocation_{resource}_mean",
                "fraction",
                "up",
                allocation.allocation_mean,
                f"Requested ÷ allocatable {title} of the cluster, mean over simulated "
                "time from 0 to the horizon; the final value if no time passes.",
                resource=resource,
            ),
            _quality(
                f"allocation_{resource}_final",
                "fraction",
                "up",
                allocation.allocation_final,
                f"Requested ÷ allocatable {title} of the cluster at the end; 0 if all "
                "pods have left.",
                resource=resource,
            ),
        ]
    return rows


_ROWS = [
    _quality("pods_total", "pods", "none", counts.pods_total, "Pods that arrived."),
    _quality(
        "pods_bound",
        "pods",
        "up",
        counts.pods_bound,
        "Pods that got a node at least once, those bound on arrival too.",
    ),
    _quality(
        "pods_pending",
        "pods",
        "down",
        counts.pods_pending,
        "Pods that wait for a node at the end of the run.",
    ),
    _quality(
        "pods_evicted",
        "pods",
        "down",
        counts.pods_evicted,
        "Pods that lost their node at least once.",
    ),
    _quality(
        "preemptions",
        "preemptions",
        "down",
        counts.preemptions,
        "How often a pod made room for itself by preemption.",
    ),
    _quality(
        "pods_preempted",
        "pods",
        "down",
        counts.pods_preempted,
        "Pods deleted to make room for one of higher priority.",
    ),
    _quality(
        "attempts",
        "attempts",
        "none",
        counts.attempts,
        "Scheduling attempts, successful or not; where waiting pods are tried again at "
        "once, an engine leaves out those that it knows to be in vain.",
    ),
    _quality(
        "unschedulable_attempts",
        "attempts",
        "down",
        counts.unschedulable_attempts,
        "Attempts that found no node; where waiting pods are tried again at once, the "
        "first of each wait.",
    ),
    *_allocations(),
    _quality(
        "nodes_used",
        "nodes",
        "down",
        counts.nodes_used,
        "Largest number of nodes that ran pods at one time.",
    ),
    _quality(
        "nodes_used_mean",
        "nodes",
        "down",
        counts.nodes_used_mean,
        "Nodes that run pods, mean over simulated time; final if no time passes.",
    ),
    *(
        _quality(
            f"fragmentation_stranded_{resource}",
            "fraction",
            "down",
            fragmentation.fragmentation_stranded,
            f"Share of the free {title} that lies on nodes where a pod of the stream "
            "does not fit, averaged over the pods, and over simulated time.",
            resource=resource,
        )
        for resource, title in (("cpu", "CPU"), ("memory", "memory"))
    ),
    _quality(
        "fragmentation_gpu",
        "fraction",
        "down",
        fragmentation.fragmentation_gpu,
        "F measure of the FGD paper ÷ GPU capacity, at the end: idle GPU that the "
        "typical pods cannot use.",
    ),
    _quality(
        "fragmentation_gpu_mean",
        "fraction",
        "down",
        fragmentation.fragmentation_gpu_mean,
        "F measure of the FGD paper ÷ GPU capacity, mean over simulated time; final "
        "if no time passes.",
    ),
    _quality(
        "balance_nodes_cpu",
        "fraction",
        "down",
        balance.balance_nodes,
        "Standard deviation over nodes of the final CPU allocation; 0 if all pods "
        "have left.",
        resource="cpu",
    ),
    _quality(
        "balance_nodes_cpu_mean",
        "fraction",
        "down",
        balance.balance_nodes_mean,
        "Standard deviation over nodes of the CPU allocation, mean over simulated "
        "time; final if no time passes.",
        resource="cpu",
    ),
    _quality(
        "balance_zones_cpu",
        "fraction",
        "down",
        balance.balance_zones,
        "Standard deviation over zones of the final CPU allocation; 0 if all pods "
        "have left.",
        resource="cpu",
    ),
    _quality(
        "packing_ratio",
        "",
        "down",
        packing.packing_ratio,
        "Nodes used ÷ the fewest whose summed capacity holds the peak load; at best 1.",
    ),
    _quality(
        "queue_wait_mean_s",
        "s",
        "down",
        waiting.queue_wait_mean,
        "Mean of first bind − arrival over measured pods that were bound; pods that "
        "never were are left out, see pods_pending.",
    ),
    _quality(
        "queue_wait_p99_s",
        "s",
        "down",
        waiting.queue_wait_percentile,
        "99th percentile of first bind − arrival over measured pods that were bound; "
        "pods that never were are left out, see pods_pending.",
        percent=99.0,
    ),
    _quality(
        "makespan_s",
        "s",
        "down",
        waiting.makespan,
        "Last finish − first arrival.",
    ),
    _quality(
        "slowdown_mean",
        "",
        "down",
        waiting.slowdown_mean,
        "Mean of (finish − arrival) ÷ duration over measured pods that finished.",
    ),
    _quality(
        "slowdown_p99",
        "",
        "down",
        waiting.slowdown_percentile,
        "99th percentile of (finish − arrival) ÷ duration over measured pods that "
        "finished.",
        percent=99.0,
    ),
    _quality(
        "jain_fairness_namespaces",
        "",
        "up",
        fairness.jain_fairness_namespaces,
        "Jain's index over namespaces of received ÷ demanded dominant share; 1 = all "
        "get the same part of what they ask for.",
    ),
    _quality(
        "constraint_violations",
        "violations",
        "down",
        validator.constraint_violations,
        "Hard constraints broken, found by an independent check of the log; always 0.",
    ),
    *END_TO_END,
    _wall(
        "decisions_per_second",
        "1/s",
        "up",
        speed.decisions_per_second,
        "Scheduling calls, successful or not, per second of scheduling.",
    ),
    _wall(
        "schedule_seconds",
        "s",
        "down",
        lambda wall: wall.schedule_seconds,
        "Time in scheduling calls only.",
    ),
    _wall(
        "total_seconds",
        "s",
        "down",
        lambda wall: wall.total_seconds,
        "Time of the whole replay, without compiling.",
    ),
    _wall(
        "compile_seconds",
        "s",
        "down",
        lambda wall: wall.compile_seconds,
        "Time of compiling, or of loading compiled code, before the replay.",
    ),
    _wall(
        "peak_rss_bytes",
        "bytes",
        "down",
        lambda wall: wall.peak_rss_bytes,
        "Highest resident memory of the process so far.",
    ),
    *(_latency(percent) for percent in (50, 90, 99)),
    _wall(
        "latency_max_us",
        "µs",
        "down",
        functools.partial(speed.latency_percentile, percent=100),
        "Time of the slowest scheduling call.",
    ),
]

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ROWS}
