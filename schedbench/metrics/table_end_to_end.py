"""The metrics of runs that are played end to end; times are simulated seconds."""

from __future__ import annotations

import functools
from collections.abc import Callable

from schedbench.metrics import calls, requests, resilience, startup
from schedbench.metrics.metric import Direction, Metric, Value


def _row(
    name: str,
    unit: str,
    better: Direction,
    function: Callable[..., Value],
    description: str,
) -> Metric:
    return Metric(name, unit, better, "end_to_end", function, description)


def _startup(percent: int) -> Metric:
    return _row(
        f"pod_startup_p{percent}_s",
        "s",
        "down",
        functools.partial(startup.startup_percentile, percent=percent),
        f"{percent}th percentile of the simulated time from applied to ready, "
        "over the pods that got ready; see pods_never_ready.",
    )


END_TO_END = [
    *(_startup(percent) for percent in (50, 90, 99)),
    _row(
        "pod_startup_slo_s",
        "s",
        "down",
        startup.startup_slo,
        "99th percentile of the simulated time from applied to started without image "
        "pulls; SIG Scalability's objective is at most 5 s.",
    ),
    _row(
        "mutating_calls_p99_s",
        "s",
        "down",
        calls.mutating_calls_p99,
        "99th percentile of the simulated time of mutating API calls, of the slowest "
        "verb and kind; SIG Scalability's objective is at most 1 s.",
    ),
    _row(
        "pods_ready",
        "pods",
        "none",
        startup.pods_ready,
        "Pods that became ready, replacements included.",
    ),
    _row(
        "pods_never_ready",
        "pods",
        "down",
        startup.pods_never_ready,
        "Pods that are still there at the end and never were ready, nor ran to "
        "completion.",
    ),
    _row(
        "time_to_ready_all_s",
        "s",
        "down",
        startup.time_to_ready_all,
        "Simulated time from the first pod applied to the last ready; no value if a "
        "pod never is, see pods_never_ready.",
    ),
    _row(
        "achieved_rate",
        "pods/s",
        "up",
        startup.achieved_rate,
        "Pods that got ready a simulated second, from the first to the last.",
    ),
    _row(
        "recovery_s",
        "s",
        "down",
        resilience.recovery,
        "Simulated time from the beginning of a fault until no more pods are unready "
        "than before it, of the worst fault; no value if one is never recovered from, "
        "see faults_unrecovered.",
    ),
    _row(
        "faults_unrecovered",
        "faults",
        "down",
        resilience.faults_unrecovered,
        "Faults after which more pods stay unready than before.",
    ),
    _row(
        "pods_lost",
        "pods",
        "down",
        resilience.pods_lost,
        "How many more pods are unready at the end than before the first fault.",
    ),
    _row(
        "pods_doubled",
        "pods",
        "down",
        resilience.pods_doubled,
        "Pods that ran while another of the same namespace and name did; always 0 "
        "unless an identity was given twice.",
    ),
    _row(
        "requests_unserved",
        "fraction",
        "down",
        requests.requests_unserved,
        "Requests through the ingress that nobody served, or that came to a back-end "
        "beyond its cpu limit, as a share of all.",
    ),
]
