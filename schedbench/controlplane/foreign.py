"""Calls of clients that are no part of the cluster: load on the API servers.

A call here stands for as many as come while one is on its way at `RATE`: they are
served one after another in one seat, so that as many seats are taken on average as by
single calls. Where none is free they are refused together, as too many to wait.
"""

from __future__ import annotations

from schedbench.controlplane.apiserver import ApiServers
from schedbench.controlplane.authorization import User
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.requests import Request

FOREIGNER = User("system:serviceaccount:foreign:client")
"""Whom they call as: a service account, of the level workload-low."""
RATE = 200.0
"""Calls a second at most; a client that sends more sends heavier ones."""


class ForeignClients:
    """Sends reads at a rate; what comes of them nobody looks at."""

    def __init__(self, servers: ApiServers, seed: int) -> None:
        self._servers = servers
        self._draws = Draws(seed, "foreign-clients")
        self._qps = 0.0
        self._epoch = 0

    def send(self, qps: float) -> None:
        """Send so many calls a second from now on."""
        self._epoch += 1
        self._qps = qps
        if qps > 0:
            self._send(self._epoch)

    def _send(self, epoch: int) -> None:
        if epoch != self._epoch:
            return
        rate = min(self._qps, RATE)
        weight = self._qps / rate
        request = Request(FOREIGNER, "get", "ConfigMap", "foreign", "x", weight=weight)
        self._servers.call(request)
        wait = 2 * self._draws.uniform() / rate
        self._servers.clock.after(wait, self._send, epoch)
