"""Graceful node shutdown: pods end by priority, the lowest first.

Source: kubernetes.io/docs/concepts/cluster-administration/node-shutdown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from schedbench.clock import Clock
from schedbench.node.worker import Worker

MESSAGE = "Pod was terminated in response to imminent node shutdown."
REFUSAL = ("NodeShutdown", "Pod was rejected as the node is shutting down.")


def plan_shutdown(
    clock: Clock,
    groups: Sequence[tuple[int, float]],
    workers: Callable[[], Iterable[Worker]],
    finish: Callable[[Worker, str, str, float], None],
) -> float:
    """Let each group of priorities end within its seconds; return the sum of them.

    A group is (least priority, seconds); the first takes what is below it too.
    """

    def end(least: float, most: float, seconds: float) -> None:
        for worker in list(workers()):
            running = worker.stage in {"sandbox", "up"}
            if running and least <= (worker.pod.spec.priority or 0) < most:
                finish(worker, "Terminated", MESSAGE, min(seconds, worker.grace))

    begin = 0.0
    for index, (least, seconds) in enumerate(groups):
        most = groups[index + 1][0] if index + 1 < len(groups) else math.inf
        clock.after(begin, end, least if index else -math.inf, most, seconds)
        begin += seconds
    return begin
