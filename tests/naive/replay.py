"""Placement only: pods come, run and go, nodes come and go, and some pods wait.

At one instant: pods that finish or are deleted leave; then nodes change; then, if any
of that freed or added room, everything that waits is tried; then pods arrive and are
tried. A node's lost pods are tried at the instant they lost it, whatever else happened.
Whenever a pod was bound, others may have waited for its company: so after the pods that
are being tried everything that waits is tried again, until none of it is bound.
Tries go by priority, the highest first, and then by arrival; a pod is passed over if
one like it was tried in vain among the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from naive import gpu
from naive.cycle import Policy
from naive.placed import Placed
from naive.sampling import Sampler

from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, Workload


class Event(NamedTuple):
    """What happened: `kind` is ARRIVE, BIND, FINISH, DELETE, EVICT, UNSCHEDULABLE,
    NODE_ADD, NODE_UPDATE or NODE_REMOVE; `pod` is -1 for a node's.
    """

    time: float
    kind: str
    pod: int
    node: str | None = None
    devices: tuple[int, ...] = ()


def replay(workload: Workload, policy: Policy) -> list[Event]:
    """Play a workload under a policy and return what happened, in causal order.

    An UNSCHEDULABLE event is the first failed try since the pod began to wait. An
    evicted pod waits again and, once bound again, runs its whole duration. A pod that
    is deleted before or as it arrives never arrives. Of pods that arrive together those
    that come bound are first.
    """
    world = _World(workload, policy)
    while (now := world.next_time()) < math.inf:
        world.live_through(now)
    return world.log


class _World:
    def __init__(self, workload: Workload, policy: Policy) -> None:
        stream = workload.pods
        self.policy = policy
        self.stream = stream
        self.pods: list[Pod] = [stream.templates[i] for i in stream.template]
        self.first_nodes = [node.metadata.name for node in workload.nodes]
        self.slots = dict.fromkeys(
            self.first_nodes
            + [e.node.metadata.name for e in workload.node_events if e.change == "add"]
        )
        self.nodes = {node.metadata.name: node for node in workload.nodes}
        self.changes: list[NodeEvent] = list(workload.node_events)
        self.coming = [
            pod
            for pod in range(len(stream))
            if stream.deletion[pod] > stream.arrival[pod]
        ]
        self.waiting: list[int] = []
        self.told: set[int] = set()
        self.place: dict[int, tuple[str, tuple[int, ...], float]] = {}
        self.now = -math.inf
        self.log: list[Event] = []

    def next_time(self) -> float:
        """Return when something happens next; inf = never."""
        times = [math.inf]
        times += [float(self.stream.arrival[pod]) for pod in self.coming[:1]]
        times += [change.time for change in self.changes[:1]]
        times += [end for _, _, end in self.place.values()]
        present = [*self.waiting, *self.place]
        times += [float(self.stream.deletion[pod]) for pod in present]
        return max(self.now, min(times))

    def live_through(self, now: float) -> None:
        """Let everything of one instant happen.

        A pod that is over the instant it is bound leaves in a second round.
        """
        self.now = now
        room = self.departures(now)
        fresh: list[int] = []
        while self.changes and self.changes[0].time <= now:
            change = self.changes.pop(0)
            room = True
            fresh += self.change_node(now, change)
        old = self.waiting if room else []
        self.try_all(now, [*old, *fresh])
        self.arrivals(now)

    def departures(self, now: float) -> bool:
        """Let pods finish, then others be deleted; tell whether that made room."""
        ended = sorted(pod for pod, (_, _, end) in self.place.items() if end <= now)
        present = {*self.place, *self.waiting} - {*ended}
        deleted = sorted(pod for pod in present if self.stream.deletion[pod] <= now)
        room = False
        for kind, pods in (("FINISH", ended), ("DELETE", deleted)):
            for pod in pods:
                name, devices, _ = self.place.get(pod, (None, (), math.inf))
                self.log.append(Event(now, kind, pod, name, devices))
                room |= self.place.pop(pod, None) is not None
                self.forget(pod)
        return room

    def change_node(self, now: float, change: NodeEvent) -> list[int]:
        """Change a node and return the pods that lost theirs."""
        name = change.node.metadata.name
        if isinstance(self.policy, Sampler):
            self.policy.change(change)
        lost = []
        if change.change == "remove":
            del self.nodes[name]
            here = (pod for pod, (where, _, _) in self.place.items() if where == name)
            lost = sorted(here, key=self.rank)
        else:
            self.nodes[name] = change.node
        for pod in lost:
            _, devices, _ = self.place.pop(pod)
            self.log.append(Event(now, "EVICT", pod, name, devices))
            self.waiting.append(pod)
        self.log.append(Event(now, f"NODE_{change.change.upper()}", -1, name))
        return lost

    def arrivals(self, now: float) -> None:
        """Let pods arrive, first those that are on their node at once."""
        fresh = []
        while self.coming and self.stream.arrival[self.coming[0]] <= now:
            fresh.append(self.coming.pop(0))
        homes = {pod: self.home(pod) for pod in fresh}
        for pod in sorted(
            fresh, key=lambda i: (self.stream.node[i] < 0, *self.rank(i))
        ):
            self.log.append(Event(now, "ARRIVE", pod))
            home = homes[pod]
            if home is None:
                self.waiting.append(pod)
                self.try_all(now, [pod])
            else:
                seen = gpu.view(self.nodes[home], self.on_nodes().get(home, []))
                devices = gpu.best_devices(gpu.demand(self.pods[pod]), seen)
                self.bind(now, pod, home, devices)
                self.try_all(now, self.waiting)

    def home(self, pod: int) -> str | None:
        """Return the node to which a pod comes bound, if it is there."""
        index = int(self.stream.node[pod])
        name = self.first_nodes[index] if index >= 0 else None
        return name if name in self.nodes else None

    def rank(self, pod: int) -> tuple[int, int]:
        """Return the place in the queue: by priority, then arrival."""
        return -(self.pods[pod].spec.priority or 0), pod

    def try_all(self, now: float, pods: list[int]) -> None:
        """Try pods; after one of them was bound, all that wait."""
        while self.try_each(now, pods):
            pods = self.waiting

    def try_each(self, now: float, pods: list[int]) -> bool:
        """Try pods by priority, then arrival; tell whether any was bound."""
        refused: list[Pod] = []
        bound = False
        for pod in sorted(set(pods), key=self.rank):
            if pod in self.told and any(alike(self.pods[pod], one) for one in refused):
                continue
            nodes = [self.nodes[name] for name in self.slots if name in self.nodes]
            choice = self.policy(self.pods[pod], nodes, self.on_nodes())
            if choice is not None:
                self.bind(now, pod, *choice)
                bound = True
                continue
            refused.append(self.pods[pod])
            if pod not in self.told:
                self.told.add(pod)
                self.log.append(Event(now, "UNSCHEDULABLE", pod))
        return bound

    def bind(self, now: float, pod: int, name: str, devices: tuple[int, ...]) -> None:
        """Put a pod on a node."""
        end = now + float(self.stream.duration[pod])
        self.place[pod] = (name, devices, end)
        self.log.append(Event(now, "BIND", pod, name, devices))
        self.forget(pod)

    def forget(self, pod: int) -> None:
        """Take a pod out of the queue."""
        self.waiting = [other for other in self.waiting if other != pod]
        self.told.discard(pod)

    def on_nodes(self) -> dict[str, list[Placed]]:
        """Return what is on each node, in the order of binding."""
        found: dict[str, list[Placed]] = {}
        for pod, (name, devices, _) in self.place.items():
            found.setdefault(name, []).append(Placed(self.pods[pod], devices))
        return found


def alike(pod: Pod, other: Pod) -> bool:
    """Return whether scheduling sees no difference between two pods."""
    one, two = pod.metadata, other.metadata
    return pod is other or (
        pod.spec == other.spec
        and one.namespace == two.namespace
        and one.labels == two.labels
        and one.annotations == two.annotations
        and one.owner_references == two.owner_references
    )


def bindings(log: list[Event]) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """Return pod, node and devices of every binding, in order."""
    return ((e.pod, e.node or "", e.devices) for e in log if e.kind == "BIND")
