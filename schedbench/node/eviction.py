"""Node-pressure eviction: signals, thresholds, and whom it hits first.

Source: kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction and
pkg/kubelet/eviction. Signals are looked at when usage changes, then every monitoring
period as long as a threshold is crossed; a quiet node costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from schedbench.clock import Clock
from schedbench.controlplane.parameters import Kubelet as Parameters
from schedbench.node.images import NodeImages
from schedbench.node.status import qos_class
from schedbench.node.worker import Worker
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import pod_requests
from schedbench.units import value

MEMORY, NODEFS, IMAGEFS, PIDS = (
    "memory.available",
    "nodefs.available",
    "imagefs.available",
    "pid.available",
)
CONDITIONS = {
    MEMORY: "MemoryPressure",
    NODEFS: "DiskPressure",
    IMAGEFS: "DiskPressure",
    PIDS: "PIDPressure",
}
RESOURCES = {
    MEMORY: "memory",
    NODEFS: "ephemeral-storage",
    IMAGEFS: "ephemeral-storage",
    PIDS: "pids",
}


class Usage(NamedTuple):
    """What a pod uses: millicores, bytes, bytes, process ids."""

    cpu: int
    memory: int
    disk: int
    pids: int


def pod_usage(worker: Worker) -> Usage:
    """Return what the containers of a pod that run now use."""
    cpu = memory = disk = pids = 0
    for run in worker.runs:
        if run.state == "running":
            told = run.behaviour
            cpu += told.cpu
            memory += told.memory
            disk += told.disk
            pids += told.pids
    return Usage(cpu, memory, disk, pids)


def used_of(worker: Worker, signal: str) -> int:
    """Return what a pod uses of a signal's resource."""
    used = pod_usage(worker)
    return {MEMORY: used.memory, PIDS: used.pids}.get(signal, used.disk)


def ranked(workers: Iterable[Worker], signal: str) -> list[Worker]:
    """Return the pods in the order in which they are evicted.

    Those that use more than they asked for, then the lower priority, then the more
    above the request; for process ids by priority and use alone.
    """

    def place(worker: Worker) -> tuple[bool, int, int, str]:
        asked = 0
        if signal != PIDS:
            asked = pod_requests(worker.pod).get(RESOURCES[signal], 0)
        above = used_of(worker, signal) - asked
        priority = worker.pod.spec.priority or 0
        return (signal != PIDS and above <= 0, priority, -above, worker.key)

    return sorted(workers, key=place)


class Eviction:
    """Watches the signals of a node and evicts.

    Attributes
    ----------
    conditions
        Conditions of pressure that hold → until when they hold at least.
    """

    __slots__ = (
        "_begun",
        "_evict",
        "_set",
        "_tell",
        "_workers",
        "clock",
        "conditions",
        "images",
        "node",
        "parameters",
    )

    def __init__(
        self,
        clock: Clock,
        parameters: Parameters,
        node: Node,
        images: NodeImages,
        workers: Mapping[str, Worker],
        evict: Callable[[Worker, str, float], None],
        tell: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.parameters = parameters
        self.node = node
        self.images = images
        self.conditions: dict[str, float] = {}
        self._workers = workers
        self._evict = evict
        self._tell = tell
        self._begun: dict[str, float] = {}
        self._set = False

    def changed(self) -> None:
        """Look, at the next turn, whether a threshold is crossed, if one is now."""
        if not self._set and self._crossed():
            self._plan()

    def refuses(self, pod: Pod) -> tuple[str, str] | None:
        """Return reason and message if a pod is not taken in under pressure."""
        if not self.conditions or (pod.spec.priority or 0) >= 2_000_000_000:
            return None
        names = sorted(self.conditions)
        if names == ["MemoryPressure"] and (
            qos_class(pod.spec) != "BestEffort"
            or any(
                t.key in {"", "node.kubernetes.io/memory-pressure"}
                and t.operator == "Exists"
                for t in pod.spec.tolerations
            )
        ):
            return None
        return (
            "Evicted",
            f"The node had condition: [{' '.join(names)}]. ",
        )

    def available(self, signal: str) -> tuple[float, float]:
        """Return what is left of a signal's resource, and the whole."""
        if signal in {NODEFS, IMAGEFS}:
            return self.images.disk - self.images.used_bytes(), self.images.disk
        if signal == PIDS:
            whole: float = self.parameters.process_ids
        else:
            named = self.node.status.capacity.get("memory")
            whole = math.inf if named is None else value(named)
        return whole - sum(used_of(w, signal) for w in self._workers.values()), whole

    def _least(self, thresholds: Mapping[str, float], signal: str) -> float:
        wanted = thresholds.get(signal, -math.inf)
        if 0 < wanted < 1:
            return wanted * self.available(signal)[1]
        return wanted

    def _crossed(self) -> list[tuple[str, bool]]:
        """Return the signals below a threshold: (signal, whether it is a hard one)."""
        found = []
        given = self.parameters
        for signal in CONDITIONS:
            if signal not in given.eviction_hard and signal not in given.eviction_soft:
                continue
            left = self.available(signal)[0]
            if left < self._least(given.eviction_hard, signal):
                found.append((signal, True))
            elif left < self._least(given.eviction_soft, signal):
                found.append((signal, False))
        return found

    def _plan(self) -> None:
        self._set = True
        self.clock.after(self.parameters.eviction_period, self._look)

    def _look(self) -> None:
        self._set = False
        now = self.clock.now
        crossed = self._crossed()
        names = {signal for signal, _ in crossed}
        for signal in [s for s in self._begun if s not in names]:
            del self._begun[signal]
        before = set(self.conditions)
        for signal, _ in crossed:
            self._begun.setdefault(signal, now)
            held = now + self.parameters.pressure_transition
            self.conditions[CONDITIONS[signal]] = held
        for name in [n for n, until in self.conditions.items() if until <= now]:
            del self.conditions[name]
        if set(self.conditions) != before:
            self._tell()
        for signal, hard in crossed:
            grace = self.parameters.eviction_soft_grace.get(signal, 0.0)
            if (hard or now - self._begun[signal] >= grace) and self._act(signal, hard):
                break
        if crossed:
            self._plan()
        elif self.conditions:
            self._set = True
            self.clock.at(min(self.conditions.values()), self._look)

    def _act(self, signal: str, hard: bool) -> bool:
        """Reclaim or evict; return whether anything was done."""
        given = self.parameters
        left = self.available(signal)[0]
        limits = given.eviction_hard if hard else given.eviction_soft
        least = self._least(limits, signal)
        if signal in {NODEFS, IMAGEFS}:
            self.images.free(math.inf, young=True)
            if self.available(signal)[0] >= least:
                return True
        if any(w.stage == "stopping" and w.evicted for w in self._workers.values()):
            return False
        for worker in ranked(self._workers.values(), signal):
            if worker.stage in {"sandbox", "up"} and not worker.critical:
                grace = 0.0
                if not hard:
                    grace = min(given.eviction_max_pod_grace, worker.grace)
                message = (
                    f"The node was low on resource: {RESOURCES[signal]}. "
                    f"Threshold quantity: {least:.0f}, available: {left:.0f}. "
                )
                self._evict(worker, message, grace)
                return True
        return False
