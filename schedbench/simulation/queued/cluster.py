"""The cluster of a run with its queue: each move is made in all of its columns."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.state import bind
from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.policies.base import Policy
from schedbench.scheduler.attempt import Outcome
from schedbench.scheduler.dry_run import PlacedPod, as_set
from schedbench.scheduler.occupants import OnNodes
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.events import Action, Event, Resource
from schedbench.scheduler.queueing.made import gates_of, make_queue
from schedbench.scheduler.world import World
from schedbench.simulation import loop
from schedbench.simulation.columns import BOUND, GONE, WAITING
from schedbench.simulation.prepare import grow_log
from schedbench.simulation.queued.groups import make_table
from schedbench.simulation.queued.pods import PodObjects, on_node
from schedbench.simulation.record import EventKind
from schedbench.simulation.run import Run


class Failure(NamedTuple):
    """An attempt in vain, and the cluster's version at it."""

    version: int
    outcome: Outcome


class QueuedCluster(Run):
    """The pods, the nodes and the queue, as they change.

    Attributes
    ----------
    world
        The cluster as the policy's profiles see it.
    groups
        The pod groups and their members.
    objects
        The pods as API objects.
    queue
        The pods that wait.
    version
        Counts the changes that may let another pod in.
    failed
        Class → its last attempt in vain that says the same for all of its pods.
    tried
        `namespace/name` → the version at a pod's last attempt in vain.
    found
        (plugin, reason) → on how many nodes, over the first attempts in vain.
    left_out
        Pods that are being deleted, or that the policy has no profile for.
    is_plain
        Whether no pod changes, and none belongs to a group.
    entry : int64[pod]
        The entry of the log by which each pod came to its node.
    is_known : bool[pod]
        Pods on nodes that the world has as objects; others are made when asked for.
    """

    def __init__(
        self,
        encoded: EncodedWorkload,
        policy: Policy,
        settings: Mapping[str, Settings],
        seed: int,
        engine: str,
    ) -> None:
        self.world = World(encoded, settings, seed)
        session = next(iter(self.world.sessions.values()))
        super().__init__(encoded, policy, session, engine)
        objects = encoded.workload.objects
        self.groups = make_table(objects)
        self.objects = PodObjects(encoded, self.groups.priority)
        gates = gates_of(settings, self.groups)
        self.queue = make_queue(settings, objects, self.groups, gates)
        self.version = 0
        self.failed: dict[int, Failure] = {}
        self.tried: dict[str, int] = {}
        self.found: collections.Counter[tuple[str, str]] = collections.Counter()
        self.left_out = 0
        self.is_plain = not encoded.workload.pod_updates and not any(
            pod.spec.scheduling_group for pod in encoded.workload.pods.templates
        )
        self.entry = np.zeros(len(self.pods.arrival), dtype=np.int64)
        self.is_known = np.zeros(len(self.pods.arrival), dtype=np.bool_)
        self.world.columns = self

    @property
    def now(self) -> float:
        """The simulated time."""
        return float(self.progress.counters.now[0])

    def wait(self, pod: int) -> None:
        """Let a pod without a node wait, if the policy has a profile for it."""
        found = self.objects[pod]
        self.progress.status[pod] = WAITING
        if self.world.profile(found) is None or found.metadata.deletion_timestamp:
            self.left_out += 1
            return
        nominated = found.status.nominated_node_name
        if nominated in self.world.slots:
            slot = self.world.slots[nominated]
            self.world.nominate(found, int(self.pods.pod_class[pod]), slot)
            self.version += 1
        self.groups.add(found)
        self.queue.add(found, self.now, kind=self.objects.kind(pod))
        if found.spec.scheduling_group is not None:
            came = Event(Resource.UNSCHEDULED_POD, Action.ADD, None, found)
            self.queue.on_event(came, self.now)

    def next_arrival(self) -> float:
        """Return when the next pod arrives, as `loop.next_arrival`; inf if none will.

        To call the kernels from Python takes 20 µs.
        """
        index = int(self.progress.counters.next_arrival[0])
        order = self.pods.order
        return float(self.pods.arrival[order[index]]) if index < len(order) else np.inf

    def next_departure(self) -> float:
        """Return when a pod goes next, as `loop.next_departure`; inf if none will."""
        pods, progress, at = self.pods, self.progress, self.progress.counters
        if at.finishing[0]:
            return float(loop.next_departure(pods, progress))
        index = int(at.next_deletion[0])
        while index < len(pods.deletions):
            pod = pods.deletions[index]
            if progress.status[pod] != GONE:
                return float(pods.deletion[pod])
            at.next_deletion[0] = index = index + 1
        return np.inf

    def give_up(self, pod: int) -> None:
        """Let a pod go that was deleted before it had a node."""
        found = self.objects[pod]
        if self.waits(pod):
            self.version += found.key in self.world.nominated
            self.world.nominate(found, 0, None)
            self.groups.remove(found)
            self.queue.delete(found, self.now)

    def waits(self, pod: int) -> bool:
        """Return whether a pod is in the queue, not left out of it."""
        return self.queue.get(self.objects[pod]) is not None

    def fails(self, pod_class: int) -> bool:
        """Return whether pods of a class are known to fail in the cluster as it is."""
        failure = self.failed.get(pod_class)
        return failure is not None and failure.version == self.version

    def is_full_for(self, pod: int) -> bool:
        """Return whether no node passed when pods like one made room last."""
        pod_class = int(self.pods.pod_class[pod])
        memory = self.world.remembers(self.objects[pod], pod_class)
        return memory is not None and not memory.may_fit

    def class_of(self, queued: QueuedPod) -> int:
        """Return the class of a pod that waits."""
        return int(self.pods.pod_class[self.objects.index(queued.key)])

    def bind(self, queued: QueuedPod, pod: int, slot: int) -> None:
        """Bind a popped pod to a node."""
        self.make_room_in_log()
        state, compiled = self.session.state, self.session.compiled
        node = np.int64(slot)
        columns = self.pods, self.progress, self.log, self.memory.index
        loop.place(state, compiled, *columns, pod, node)
        self.progress.counters.cursor[0] = (slot + 1) % len(self.world.names)
        before = self.objects[pod]
        self.enter(pod, slot)
        self.queue.done(queued)
        if len(self.queue):
            after = on_node(self.objects[pod], self.world.names[slot])
            self.queue.observe(before, after, self.now)

    def enter(self, pod: int, slot: int) -> None:
        """Note a pod that came to a node: the first session and the log know."""
        self._tell_others(pod, slot, 1)
        found = self.objects[pod]
        self.world.end_nomination(found.key)
        self.entry[pod] = self.progress.counters.logged[0] - 1
        if uses_volumes(found):
            self.is_known[pod] = True
            self.world.register(self.placed(pod, slot, self.now))
        else:
            self.world.later(slot, int(self.entry[pod]))
        if found.spec.scheduling_group is not None:
            self.groups.add(on_node(found, self.world.names[slot]))

    def leave(self, pod: int, slot: int) -> None:
        """Note a pod that went from a node: the first session and the log know."""
        self._tell_others(pod, slot, -1)
        self.forget(pod)
        if self.objects[pod].spec.scheduling_group is not None:
            self.groups.remove(self.objects[pod])
        if len(self.queue):
            gone = on_node(self.objects[pod], self.world.names[slot])
            self.queue.observe(gone, None, self.now)

    def forget(self, pod: int) -> None:
        """Let the world forget a pod that went from its node, if it knew."""
        self.world.touch(int(self.progress.place[pod]))
        if self.is_known[pod]:
            self.is_known[pod] = False
            self.world.forget(self.objects[pod].key)

    def made(self, entry: int) -> PlacedPod | None:
        """Return the pod that came by an entry, None if it has gone since."""
        pod = int(self.log.pod[entry])
        if self.entry[pod] != entry or self.progress.status[pod] != BOUND:
            return None
        self.is_known[pod] = True
        slot, start = int(self.log.node[entry]), float(self.log.time[entry])
        return self.placed(pod, slot, start)

    def bound(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return class and slot of every pod on a node."""
        here = np.flatnonzero(self.progress.status == BOUND)
        return self.pods.pod_class[here], self.progress.place[here]

    def on_nodes(self, slots: NDArray[np.int64]) -> OnNodes | None:
        """Return the pods on some nodes; None if pods change, or belong to groups.

        What changes goes behind the others of its node, groups have a priority.
        """
        if not self.is_plain:
            return None
        progress = self.progress
        wanted = np.zeros(len(self.world.names), dtype=np.bool_)
        wanted[slots] = True
        pods = np.flatnonzero(progress.status == BOUND)
        pods = pods[wanted[progress.place[pods]]]
        slot, entry = progress.place[pods].astype(np.int64), self.entry[pods]
        priority, start = self.encoded.priority[pods], self.log.time[entry]
        order = np.lexsort((entry, start, -priority, slot))
        pod_class = self.pods.pod_class[pods].astype(np.int64)
        return OnNodes(
            pods[order], slot[order], pod_class[order], priority[order], start[order]
        )

    def number(self, pod: Pod) -> int:
        """Return the number of a pod that was asked for before."""
        return self.objects.index(pod.key)

    def changed(self, slot: int) -> None:
        """Let classes look at a node anew."""
        self.memory.note(slot)

    def take(self, pod: int, kind: EventKind) -> None:
        """Take a pod off its node and log it."""
        slot, devices = int(self.progress.place[pod]), int(self.progress.devices[pod])
        classes, pod_class = self.session.compiled.classes, self.pods.pod_class[pod]
        bind(self.session.state, classes, int(pod_class), slot, devices, -1)
        self.changed(slot)
        self.write(kind, slot, pod, devices)
        self.progress.status[pod] = GONE
        self.leave(pod, slot)

    def replace(self, pod: int, before: Pod) -> None:
        """Note that a pod on a node is of another class now, and tell the queue."""
        slot = int(self.progress.place[pod])
        old = self.world.forget(before.key)
        assert old is not None
        pod_class = int(self.pods.pod_class[pod])
        new = dataclasses.replace(old, pod=self.objects[pod], pod_class=pod_class)
        self.world.bind(old, -1)
        self.world.bind(new, 1)
        self.world.register(new)
        self.is_known[pod] = True
        self.version += 1
        name = self.world.names[slot]
        self.queue.observe(
            on_node(before, name), on_node(self.objects[pod], name), self.now
        )

    def count(self, started: int) -> None:
        """Count a decision, with the time that it took."""
        self.make_room_in_log()
        at = self.progress.counters
        self.log.latency[int(at.decisions[0])] = time.perf_counter_ns() - started
        at.decisions[0] += 1

    def count_all(self, decisions: int, nanoseconds: int) -> None:
        """Count decisions that were made together, with the time that they took."""
        at = self.progress.counters
        first = int(at.decisions[0])
        while first + decisions >= self.log.latency.size:
            self.log = grow_log(self.log)
        self.log.latency[first : first + decisions] = nanoseconds // max(decisions, 1)
        at.decisions[0] += decisions

    def placed(self, pod: int, slot: int, start: float) -> PlacedPod:
        """Return a pod as preemption sees it; it starts when it is bound."""
        pod_class, devices = int(self.pods.pod_class[pod]), self.progress.devices[pod]
        return PlacedPod(self.objects[pod], pod_class, slot, start, int(devices))

    def nominate(self, pod: int, slot: int | None) -> None:
        """Nominate a waiting pod to a node, or to none, and let its status say so."""
        before = self.objects[pod]
        name = None if slot is None else self.world.names[slot]
        after = self.objects.nominate(pod, name)
        self.world.nominate(after, int(self.pods.pod_class[pod]), slot)
        self.version += 1
        self.queue.update(before, after, self.now)

    def check(self) -> None:
        """Raise InvariantError if a state is not the sum of the pods bound.

        But for host ports: they are sets, in which pods that share one are not summed.
        """
        for session in self.world.sessions.values():
            state, classes = session.state, session.compiled.classes
            no_ports = np.zeros_like(classes.port_start)
            self.check_sums(
                state._replace(port_used=np.zeros_like(state.port_used)),
                classes._replace(port_start=no_ports),
            )

    def _tell_others(self, pod: int, slot: int, sign: int) -> None:
        """Let the other sessions know that a pod came to a node (+1) or went (−1)."""
        pod_class = int(self.pods.pod_class[pod])
        devices = int(self.progress.devices[pod])
        sessions = list(self.world.sessions.values())
        for session in sessions[1:]:
            classes = session.compiled.classes
            bind(session.state, classes, pod_class, slot, devices, sign)
        for session in sessions:
            as_set(session.state, slot)
            session.images.touch(slot)
        self.version += 1
