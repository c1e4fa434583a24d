"""How busy the parts of a cluster are, looked at every second of simulated time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from schedbench.clock import Clock
from schedbench.scheduler.queueing.entry import Place
from schedbench.simulation.cluster import Cluster

if TYPE_CHECKING:
    import pandas as pd

READS = frozenset({"get", "list", "watch"})
RATES = (
    "api_read", "api_write", "etcd_writes", "watch_events", "requests", "unserved",
)  # fmt: skip
DEPTHS = (
    "active", "backoff", "unschedulable", "in_flight", "waiting", "workqueues",
    "backends", "nodes",
)  # fmt: skip


class Sampler:
    """Looks at a cluster from time 0 on, as long as something is to happen.

    Parameters
    ----------
    period
        Simulated seconds from look to look.
    """

    def __init__(self, clock: Clock, cluster: Cluster, period: float) -> None:
        self._clock, self._cluster, self._period = clock, cluster, period
        self._rows: list[tuple[float, tuple[float, ...], tuple[int, ...]]] = []
        self._events = -1
        clock.at(max(clock.now, 0.0), self._look)

    def frame(self) -> pd.DataFrame:
        """Return a row for each look: time, `rate_<what>` a second, `depth_<what>`.

        Rates are since the look before. While nothing happens there are no rows.
        """
        import numpy as np
        import pandas as pd

        time = np.array([row[0] for row in self._rows])
        counts = np.array([row[1] for row in self._rows]).reshape(-1, len(RATES))
        depths = np.array([row[2] for row in self._rows]).reshape(-1, len(DEPTHS))
        passed = np.diff(time, prepend=math.nan)[:, None]
        rates = np.diff(counts, axis=0, prepend=counts[:1]).clip(0) / passed
        columns = {"time": time}
        columns |= {f"rate_{name}": rates[:, i] for i, name in enumerate(RATES)}
        columns |= {f"depth_{name}": depths[:, i] for i, name in enumerate(DEPTHS)}
        return pd.DataFrame(columns)

    def _look(self) -> None:
        clock = self._clock
        if clock.events != self._events + 1:
            self._rows.append((clock.now, self._counts(), self._depths()))
        self._events = clock.events
        if clock.next_time() < math.inf:
            clock.after(self._period, self._look)

    def _counts(self) -> tuple[float, ...]:
        """Return what has been so far, in the order of `RATES`."""
        backplane, traffic = self._cluster.backplane, self._cluster.traffic
        offered, unserved, _ = (0, 0, 0) if traffic is None else traffic.totals()
        calls = backplane.servers.audit.calls
        reads = sum(count for (verb, _, _), count in calls.items() if verb in READS)
        return (
            reads,
            calls.total() - reads,
            backplane.etcd.writes,
            backplane.servers.sent(),
            offered,
            unserved,
        )

    def _depths(self) -> tuple[int, ...]:
        """Return what waits now, in the order of `DEPTHS`."""
        cluster = self._cluster
        schedulers, managers = cluster.schedulers, cluster.managers
        waiting = dict.fromkeys(Place, 0)
        if schedulers is not None and schedulers.working is not None:
            waiting |= schedulers.working.queue.counts()
        keys = 0
        if managers is not None and managers.working is not None:
            keys = managers.working.depth
        return (
            waiting[Place.ACTIVE],
            waiting[Place.BACKOFF] + waiting[Place.ERROR_BACKOFF],
            waiting[Place.UNSCHEDULABLE],
            *cluster.backplane.servers.busy(),
            keys,
            0 if cluster.traffic is None else cluster.traffic.totals()[2],
            0 if cluster.machines is None else len(cluster.machines.kubelets),
        )
