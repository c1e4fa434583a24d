"""A run in the scheduling queue: pods wait, are tried, make room and are evicted.

At one instant pods leave, nodes change, pods change and pods come; then the queue gives
out pods until it has none to give. An attempt takes no time, an eviction neither.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
from naive import volumes
from naive.image_locality import ImageCache
from naive.node_affinity import named_nodes
from naive.node_ports import HostPort, host_ports
from naive.placed import Placed
from naive.preemption import Candidate, Outcome, post_filter
from naive.profile import Profile
from naive.queue import NaiveQueue, Waiting
from naive.queued_events import Event, Home, nominated_to, on_node, started
from naive.queued_hints import helps, node_changes, pod_changes
from naive.sampling import Sampler
from naive.world import World

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodUpdate, Workload
from schedbench.scheduler.queueing.events import Action, Resource
from schedbench.scheduler.queueing.events import Event as ClusterEvent

NAME = "default-scheduler"
START = datetime(2026, 1, 1, tzinfo=UTC)


def play(
    workload: Workload, profiles: dict[str, Profile], percentage: int = 100
) -> list[Event]:
    """Play a workload by the profiles, schedulerName → profile; tell what happened.

    Of the nodes so many percent are scored if they are feasible; 0 = adaptive.
    """
    run = Run(workload, profiles, percentage)
    while (now := run.next_time()) < math.inf:
        run.live_through(now)
    return run.log


class Run:
    """The cluster and the queue, as they change."""

    def __init__(
        self, workload: Workload, profiles: dict[str, Profile], percentage: int
    ) -> None:
        self.workload = workload
        self.profiles = profiles
        self.stream = workload.pods
        self.template = [int(index) for index in workload.pods.template]
        self.pods = [self.made(pod) for pod in range(len(self.stream))]
        self.number = {pod.metadata.name: i for i, pod in enumerate(self.pods)}
        self.priority = [pod.spec.priority or 0 for pod in self.pods]
        self.objects = list(workload.objects)
        self.storage = volumes.Storage(self.objects)
        self.known = {one.metadata.name for one in workload.nodes}
        self.known |= {one.node.metadata.name for one in workload.node_events}
        self.slots: list[str] = []
        self.nodes: dict[str, Node] = {}
        self.images = ImageCache()
        self.sampler = Sampler((), percentage)
        self.placed: dict[str, list[Placed]] = {}
        self.ports: dict[str, set[HostPort]] = {}
        self.homes: dict[int, Home] = {}
        self.nominated: dict[int, str] = {}
        self.present: set[int] = set()
        self.queue = NaiveQueue(helps, 1, 10, early=True)
        self.now = 0.0
        self.log: list[Event] = []
        self.changed = 0
        self.tried: dict[int, int] = {}
        self.node_events: list[NodeEvent] = sorted(
            workload.node_events, key=lambda one: one.time
        )
        self.updates: list[PodUpdate] = sorted(
            workload.pod_updates, key=lambda one: one.time
        )
        self.coming = sorted(
            (pod for pod in range(len(self.pods)) if self.arrives(pod)),
            key=lambda pod: (
                self.stream.arrival[pod],
                self.home_of(pod) < 0,
                *self.rank(pod),
            ),
        )
        for node in workload.nodes:
            self.put_node(node)

    def made(self, pod: int) -> Pod:
        """Make a pod of its template, under its own name."""
        template = self.stream.templates[self.template[pod]]
        name = self.stream.name(pod).split("/")[1]
        meta = msgspec.structs.replace(template.metadata, name=name)
        return msgspec.structs.replace(template, metadata=meta)

    def arrives(self, pod: int) -> bool:
        """Tell whether the pod comes before it is deleted."""
        return bool(self.stream.deletion[pod] > self.stream.arrival[pod])

    def home_of(self, pod: int) -> int:
        """Return the index of the node to which the pod comes bound, or −1."""
        return int(self.stream.node[pod])

    def rank(self, pod: int) -> tuple[int, int]:
        """Return the place in line by priority, then creation."""
        return -self.priority[pod], pod

    def write(self, kind: str, pod: int, node: str | None = None) -> None:
        """Tell of an event."""
        self.log.append(Event(self.now, kind, pod, node))

    def next_time(self) -> float:
        """Return when something happens next: an event, or the queue's next second."""
        times = [math.inf]
        times += [float(self.stream.arrival[pod]) for pod in self.coming[:1]]
        times += [one.time for one in (*self.node_events[:1], *self.updates[:1])]
        times += [home.end for home in self.homes.values()]
        times += [float(self.stream.deletion[pod]) for pod in self.present]
        outside = min(times)
        waiting = [one for one in self.queue.line if not one.gated]
        numbers = [self.number[one.pod.metadata.name] for one in waiting]
        fresh = any(self.tried.get(pod) != self.changed for pod in numbers)
        if waiting and (fresh or outside < math.inf):
            return min(outside, math.floor(self.now) + 1.0)
        return outside

    def live_through(self, now: float) -> None:
        """Let everything of one instant happen."""
        self.now = now
        ends = sorted((h.end, pod) for pod, h in self.homes.items() if h.end <= now)
        for _, pod in ends:
            self.depart("FINISH", pod)
        deletion = self.stream.deletion
        over = sorted((deletion[i], i) for i in self.present if deletion[i] <= now)
        for _, pod in over:
            self.depart("DELETE", pod)
        while self.node_events and self.node_events[0].time <= now:
            self.change_node(self.node_events.pop(0))
        while self.updates and self.updates[0].time <= now:
            self.change_pod(self.updates.pop(0))
        while self.coming and self.stream.arrival[self.coming[0]] <= now:
            self.arrive(self.coming.pop(0))
        while (one := self.queue.pop(now)) is not None:
            self.attempt(one)

    def depart(self, kind: str, pod: int) -> None:
        """Let a pod go, from its node or from the queue."""
        self.present.discard(pod)
        if pod in self.homes:
            self.leave(kind, pod)
            return
        self.write(kind, pod)
        self.changed += self.nominated.pop(pod, None) is not None
        here = self.queue.find(self.pods[pod].metadata.name) is not None
        self.queue.delete(self.pods[pod].metadata.name, self.now)
        if here:
            self.end_nomination(self.pods[pod])

    def leave(self, kind: str, pod: int) -> None:
        """Take a pod off its node."""
        home = self.homes.pop(pod)
        self.write(kind, pod, home.node)
        here = self.placed[home.node]
        self.placed[home.node] = [one for one in here if one is not home.placed]
        self.ports[home.node] -= set(host_ports(home.placed.pod))
        self.images.touch(home.node)
        self.changed += 1
        for event in pod_changes(on_node(self.pods[pod], home.node), None):
            self.queue.happen(event, self.now)

    def change_node(self, change: NodeEvent) -> None:
        """Let a node come, change or go; who was on it waits anew."""
        name = change.node.metadata.name
        before = self.nodes.get(name)
        evicted: list[int] = []
        if change.change == "remove":
            here = [pod for pod, home in self.homes.items() if home.node == name]
            evicted = sorted(here, key=self.by_age)
            for pod in evicted:
                self.leave("EVICT", pod)
            del self.nodes[name]
            self.images.drop(name)
            self.sampler.leave(name)
        else:
            self.put_node(change.node)
        self.changed += 1
        for event in node_changes(before, self.nodes.get(name)):
            self.queue.happen(event, self.now)
        self.write(f"NODE_{change.change.upper()}", -1, name)
        for pod in evicted:
            self.pods[pod] = nominated_to(self.pods[pod], None)
            self.wait(pod)

    def by_age(self, pod: int) -> tuple[float, ...]:
        """Return the place in line by priority, then arrival."""
        return -self.priority[pod], float(self.stream.arrival[pod]), pod

    def put_node(self, node: Node) -> None:
        """Let a node come or change; one that returns keeps its place."""
        name = node.metadata.name
        if name not in self.slots:
            self.slots.append(name)
        self.nodes[name] = node
        self.images.put(node)
        self.sampler.join(node)

    def change_pod(self, update: PodUpdate) -> None:
        """Give a pod another template, wherever it is."""
        pod = update.pod
        before = self.pods[pod]
        self.template[pod] = update.template
        name = before.status.nominated_node_name
        self.pods[pod] = nominated_to(self.made(pod), name)
        if pod in self.homes:
            home = self.homes[pod]
            new = Placed(started(self.pods[pod], home.placed.pod.status.start_time))
            rest = [one for one in self.placed[home.node] if one is not home.placed]
            self.placed[home.node] = [*rest, new]
            self.ports[home.node] -= set(host_ports(home.placed.pod))
            self.ports[home.node] |= set(host_ports(new.pod))
            self.images.touch(home.node)
            self.homes[pod] = home._replace(placed=new)
            pair = on_node(before, home.node), on_node(self.pods[pod], home.node)
            for event in pod_changes(*pair):
                self.queue.happen(event, self.now)
            self.changed += 1
        elif self.queue.find(before.metadata.name):
            if pod in self.nominated:
                self.nominated[pod] = self.nominated.pop(pod)
            self.changed += 1
            events = pod_changes(before, self.pods[pod])
            self.queue.change(self.pods[pod], events, self.now)

    def arrive(self, pod: int) -> None:
        """Let a pod come: to its node, or to wait."""
        self.present.add(pod)
        self.write("ARRIVE", pod)
        index = self.home_of(pod)
        name = self.workload.nodes[index].metadata.name if index >= 0 else ""
        if name in self.nodes:
            self.place(pod, name)
        else:
            self.wait(pod)

    def wait(self, pod: int) -> None:
        """Let a pod wait, if any profile is for it and nobody deletes it."""
        found = self.pods[pod]
        if self.profile(found) is None or found.metadata.deletion_timestamp:
            return
        if found.status.nominated_node_name in self.known:
            self.nominated[pod] = found.status.nominated_node_name or ""
            self.changed += 1
        self.queue.add(found, self.now)

    def profile(self, pod: Pod) -> Profile | None:
        """Return the profile that the pod names."""
        return self.profiles.get(pod.spec.scheduler_name or NAME)

    def attempt(self, one: Waiting) -> None:
        """Try a pod: it binds, makes room for itself, or waits on."""
        pod = self.number[one.pod.metadata.name]
        found, profile = self.pods[pod], self.profile(self.pods[pod])
        assert profile is not None
        if not self.nodes:
            self.fail(one, pod, set(), Outcome(clears=True))
            return
        world = self.world()
        decision, seen = self.sampler.attempt(found, world, profile)
        if not decision.stopped and not decision.shortcut:
            self.sampler.move(seen)
        if decision.best:
            name = decision.best[0]
            volumes.reserve(found, self.nodes[name], self.storage)
            self.queue.done(one)
            self.place(pod, name)
            return
        rejectors = {plugin for plugin, _ in decision.infeasible.values()} - {""}
        if named_nodes(found) is not None and not decision.stopped:
            rejectors.add("NodeAffinity")
        self.fail(one, pod, rejectors, post_filter(found, world, decision, profile))

    def fail(
        self, one: Waiting, pod: int, rejectors: set[str], outcome: Outcome
    ) -> None:
        """Let a pod wait that found no node, and take the room that it makes."""
        self.write("UNSCHEDULABLE", pod)
        if outcome.tied:
            self.make_room(pod, outcome.tied[0])
        self.tried[pod] = self.changed
        self.queue.fail(one, rejectors, set(), self.now)
        if outcome.tied:
            self.nominate(pod, outcome.tied[0].node)
        elif outcome.clears and pod in self.nominated:
            self.nominate(pod, None)

    def make_room(self, pod: int, chosen: Candidate) -> None:
        """Evict the victims; lower pods lose their nomination to the node."""
        self.write("PREEMPT", pod, chosen.node)
        for victim in chosen.victims:
            gone = self.number[victim.pod.metadata.name]
            self.present.discard(gone)
            self.leave("DELETE", gone)
        for other, name in list(self.nominated.items()):
            if name == chosen.node and self.priority[other] < self.priority[pod]:
                self.nominate(other, None)

    def nominate(self, pod: int, name: str | None) -> None:
        """Nominate a waiting pod to a node, or to none."""
        before = self.pods[pod]
        self.pods[pod] = nominated_to(before, name)
        self.nominated.pop(pod, None)
        if name is not None:
            self.nominated[pod] = name
        self.changed += 1
        events = pod_changes(before, self.pods[pod])
        self.queue.change(self.pods[pod], events, self.now)
        if before.status.nominated_node_name != name:
            self.end_nomination(before)

    def end_nomination(self, before: Pod) -> None:
        """Tell pods of no higher priority that the node meant for a pod is free."""
        if before.status.nominated_node_name:
            gone = ClusterEvent(Resource.ASSIGNED_POD, Action.DELETE, before)
            self.queue.happen(gone, self.now, before.spec.priority or 0)

    def place(self, pod: int, name: str) -> None:
        """Put a pod on a node."""
        self.write("BIND", pod, name)
        self.nominated.pop(pod, None)
        start = START + timedelta(seconds=self.now)
        new = Placed(started(self.pods[pod], start.isoformat()))
        self.placed.setdefault(name, []).append(new)
        self.ports.setdefault(name, set()).update(host_ports(new.pod))
        self.images.touch(name)
        end = self.now + float(self.stream.duration[pod])
        self.homes[pod] = Home(name, new, end)
        self.changed += 1
        for event in pod_changes(None, on_node(self.pods[pod], name)):
            self.queue.happen(event, self.now)

    def world(self) -> World:
        """Return what the scheduler sees now."""
        nominated: dict[str, list[Pod]] = {}
        for pod, name in self.nominated.items():
            nominated.setdefault(name, []).append(self.pods[pod])
        return World(
            [self.nodes[name] for name in self.slots if name in self.nodes],
            {name: list(here) for name, here in self.placed.items()},
            self.objects,
            nominated,
            self.images.look(),
            {name: frozenset(taken) for name, taken in self.ports.items()},
            self.storage,
        )
