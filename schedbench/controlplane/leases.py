"""Heartbeats of nodes without events: computed when somebody asks.

A kubelet renews its Lease on a beat of its own and posts its status now and then; both
change nothing while the node is well. What is kept here is only when a node's heart
began and ceased to be heard. Source: docs.kubernetes.io "Nodes: Heartbeats".
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from typing import TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import NodeLeaseParameters

HealthListener: TypeAlias = Callable[[str | None, bool], None]
"""Called with a node, or None for all of them, and whether it is heard from now on."""


class Accumulated:
    """The sum over time of a rate that changes in steps."""

    def __init__(self) -> None:
        self._times = [0.0]
        self._rates = [0.0]
        self._sums = [0.0]

    def set(self, now: float, rate: float) -> None:
        """Let the rate be another from now on."""
        if self._times[-1] < now:
            self._sums.append(self.at(now))
            self._times.append(now)
            self._rates.append(rate)
        else:
            self._rates[-1] = rate

    def at(self, time: float) -> float:
        """Return the sum up to a time."""
        step = max(bisect.bisect_right(self._times, time) - 1, 0)
        return self._sums[step] + (time - self._times[step]) * self._rates[step]


class NodeLeases:
    """Since when each node is heard or no longer heard.

    A node renews when it comes up and then at `phase + k × interval`, its phase drawn
    by its name; a renewal that falls into an outage of the API fails, and the next
    one comes a beat later.
    """

    def __init__(
        self, clock: Clock, parameters: NodeLeaseParameters, seed: int
    ) -> None:
        self._clock = clock
        self._parameters = parameters
        self._draws = Draws(seed, "node-leases/phase")
        self._phase: dict[str, float] = {}
        self._up_since: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._outages: list[tuple[float, float]] = []
        self._listeners: list[HealthListener] = []
        self._requests = Accumulated()

    def __contains__(self, node: str) -> bool:
        return node in self._phase

    def listen(self, listener: HealthListener) -> None:
        """Call a function whenever a node, or all of them, is heard or lost."""
        self._listeners.append(listener)

    def ignore(self, listener: HealthListener) -> None:
        """Call a function no more."""
        self._listeners.remove(listener)

    def up(self, node: str) -> None:
        """Let a node's heart be heard: it renews at once, then on its beat."""
        if node in self._up_since:
            return
        if node not in self._phase:
            beat = self._parameters.renew_interval
            self._phase[node] = self._draws.uniform() * beat
        self._up_since[node] = self._clock.now
        self._step()
        self._tell(node, True)

    def down(self, node: str) -> None:
        """Let a node be heard no more: crashed, cut off, or its kubelet stopped."""
        if node not in self._up_since:
            return
        self._heard[node] = self.renewed_at(node, self._clock.now)
        del self._up_since[node]
        self._step()
        self._tell(node, False)

    def leave(self, node: str) -> None:
        """Forget a node that is gone for good."""
        self._phase.pop(node, None)
        self._heard.pop(node, None)
        if self._up_since.pop(node, None) is not None:
            self._step()

    def outage(self) -> None:
        """Let all renewals fail from now on: no API server, or no quorum under it."""
        if not self._is_out():
            self._outages.append((self._clock.now, math.inf))
            self._step()
            self._tell(None, False)

    def recover(self) -> None:
        """Let renewals succeed again."""
        if self._is_out():
            self._outages[-1] = (self._outages[-1][0], self._clock.now)
            self._step()
            self._tell(None, True)

    def is_heard(self, node: str) -> bool:
        """Return whether the node's renewals succeed now."""
        return node in self._up_since and not self._is_out()

    def renewed_at(self, node: str, now: float) -> float:
        """Return when a node's lease was last renewed; −∞ if it never was."""
        since = self._up_since.get(node)
        heard = self._heard.get(node, -math.inf)
        if since is None:
            return heard
        for start, end in reversed(self._outages):
            if end <= now:
                beat = self._last_beat(node, since, now)
                if beat >= end:
                    return beat
            now = min(now, math.nextafter(start, -math.inf))
            if now < since:
                return heard
        return max(heard, self._last_beat(node, since, now))

    def load(self, since: float, until: float) -> float:
        """Return how many requests heartbeats were in (since, until].

        Renewals and unchanged status reports of the nodes that were heard, on average
        over their phases.
        """
        return self._requests.at(until) - self._requests.at(since)

    def _last_beat(self, node: str, since: float, now: float) -> float:
        interval, phase = self._parameters.renew_interval, self._phase[node]
        beat = phase + math.floor((now - phase) / interval) * interval
        return max(since, min(beat, now))

    def _is_out(self) -> bool:
        return bool(self._outages) and self._outages[-1][1] == math.inf

    def _step(self) -> None:
        parameters = self._parameters
        rate = 1 / parameters.renew_interval + 1 / parameters.status_interval
        heard = 0 if self._is_out() else len(self._up_since)
        self._requests.set(self._clock.now, heard * rate)

    def _tell(self, node: str | None, heard: bool) -> None:
        for listener in list(self._listeners):
            listener(node, heard)
