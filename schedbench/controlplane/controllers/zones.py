"""Zones of nodes: how ill they are, and how fast their nodes may be emptied.

Source: docs.kubernetes.io "Nodes: Rate limits on eviction";
`pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from schedbench.clock import Clock, Timer
from schedbench.controlplane.parameters import NodeLifecycleParameters
from schedbench.objects.node import Node

ZoneState = Literal["Normal", "PartialDisruption", "FullDisruption"]


def zone_of(node: Node) -> str:
    """Return the zone of a node: its region and zone labels."""
    labels = node.metadata.labels
    region = labels.get("topology.kubernetes.io/region", "")
    return f"{region}/{labels.get('topology.kubernetes.io/zone', '')}"


def zone_state(ready: int, total: int, threshold: float) -> ZoneState:
    """Return how ill a zone is.

    Full: no node is ready. Partial: at least three and at least the threshold's share
    of the nodes are not.
    """
    ill = total - ready
    if ill and not ready:
        return "FullDisruption"
    if ill > 2 and ill / total >= threshold:
        return "PartialDisruption"
    return "Normal"


def eviction_rate(
    state: ZoneState, nodes: int, parameters: NodeLifecycleParameters
) -> float:
    """Return how many nodes of a zone are tainted per second.

    A zone that is lost as a whole is emptied at the normal rate: other zones live.
    """
    if state != "PartialDisruption":
        return parameters.node_eviction_rate
    if nodes > parameters.large_cluster_size_threshold:
        return parameters.secondary_node_eviction_rate
    return 0.0


class ZoneQueue:
    """Nodes of a zone that wait to be tainted, let through one by one.

    A token bucket of size one: the first passes at once, the next after 1 / rate.
    """

    def __init__(
        self, clock: Clock, rate: float, passes: Callable[[str], None]
    ) -> None:
        self._clock, self._rate, self._passes = clock, rate, passes
        self._free_at = -math.inf
        self._waiting: dict[str, None] = {}
        self._timer: Timer | None = None

    def set_rate(self, rate: float) -> None:
        """Change the rate; 0 lets nobody through."""
        if rate == self._rate:
            return
        self._rate = rate
        now = self._clock.now
        if self._free_at > now:
            self._free_at = now + (1 / rate if rate > 0 else 0.0)
        self._arm()

    def add(self, node: str) -> None:
        """Let a node wait; one that waits already keeps its place."""
        if node not in self._waiting:
            self._waiting[node] = None
            self._arm()

    def remove(self, node: str) -> None:
        """Let a node wait no more."""
        if self._waiting.pop(node, ...) is None and not self._waiting:
            self.stop()

    def stop(self) -> None:
        """Let all who wait go home."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._rate > 0:
            when = max(self._clock.now, self._free_at)
            self._timer = self._clock.at(when, self._pass)

    def _pass(self) -> None:
        self._timer = None
        node = next(iter(self._waiting))
        del self._waiting[node]
        self._free_at = self._clock.now + 1 / self._rate
        self._arm()
        self._passes(node)
