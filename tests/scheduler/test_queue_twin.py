"""The scheduling queue against its naive twin, under random calls."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from naive.queue import NaiveQueue, Waiting

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.scheduler.queue import SchedulingQueue
from schedbench.scheduler.queueing.entry import Place, QueuedPod
from schedbench.scheduler.queueing.events import Action, Event, Resource, events_of
from schedbench.scheduler.queueing.hints import HintTable, Registration
from schedbench.scheduler.queueing.pod_hints import own_update

PLUGINS = ["wants-node", "any-node", "any-leaving", "own-label"]
PLACES = {
    Place.ACTIVE: "active",
    Place.BACKOFF: "backoff",
    Place.ERROR_BACKOFF: "backoff",
    Place.UNSCHEDULABLE: "pool",
    Place.IN_FLIGHT: "in flight",
}


def wanted_node(pod: Pod, event: Event) -> bool:
    """Return whether the node is the one in the pod's labels."""
    return event.new is not None and (
        pod.metadata.labels.get("wants") == event.new.metadata.name
    )


TABLE = HintTable(
    {
        "SchedulingGates": [
            Registration(Resource.POD, Action.POD_GATES_ELIMINATED, own_update)
        ],
        "wants-node": [Registration(Resource.NODE, Action.ADD, wanted_node)],
        "any-node": [Registration(Resource.NODE, Action.ADD | Action.NODE_LABEL)],
        "any-leaving": [Registration(Resource.POD, Action.DELETE)],
        "own-label": [Registration(Resource.POD, Action.POD_LABEL, own_update)],
    }
)


def helps(plugin: str, pod: Pod, event: Event) -> bool:
    """Tell the same as `TABLE`, case by case."""
    match plugin, event.resource.name, event.action.name:
        case "wants-node", "NODE", "ADD":
            return wanted_node(pod, event)
        case "any-node", "NODE", "ADD" | "NODE_LABEL":
            return True
        case "any-leaving", "ASSIGNED_POD" | "UNSCHEDULED_POD", "DELETE":
            return True
        case "own-label", "ASSIGNED_POD" | "UNSCHEDULED_POD", "POD_LABEL":
            assert event.new is not None
            return pod.key == event.new.key
        case "SchedulingGates", _, "POD_GATES_ELIMINATED":
            assert event.new is not None
            return pod.key == event.new.key
    return False


def make(name: str, priority: int, gated: bool, wants: str) -> Pod:
    """Make a pod."""
    gates = [{"name": "wait"}] if gated else []
    spec: dict[str, Any] = {"priority": priority, "schedulingGates": gates}
    meta = {"name": name, "namespace": "ns", "labels": {"wants": wants}}
    return msgspec.convert({"metadata": meta, "spec": spec}, Pod)


def node_event(name: str, action: Action) -> Event:
    """Make an event of a node."""
    node = msgspec.convert({"metadata": {"name": name}}, Node)
    return Event(Resource.NODE, action, None, node)


names = st.integers(0, 5).map("pod-{}".format)
nodes = st.sampled_from(["a", "b"])
steps = st.sampled_from([0, 0, 0.25, 0.5, 1, 1.5, 2.75, 6, 10, 30, 170, 305])
some_plugins = st.sets(st.sampled_from(PLUGINS), max_size=3)


class Queues(RuleBasedStateMachine):
    """Both queues get the same calls; they must agree on everything."""

    @initialize(
        early=st.booleans(), backoff=st.sampled_from([(1, 10), (0.5, 3), (1, 0)])
    )
    def start(self, early: bool, backoff: tuple[float, float]) -> None:
        self.queue = SchedulingQueue(
            backoff=backoff, hints=TABLE, pop_from_backoff=early
        )
        self.twin = NaiveQueue(helps, *backoff, early)
        self.now = 0.0
        self.flying: list[tuple[QueuedPod, Waiting]] = []

    @rule(step=steps)
    def wait(self, step: float) -> None:
        self.now += step
        self.queue.advance(self.now)
        self.twin.pass_time(self.now)

    @rule(
        name=names,
        priority=st.integers(0, 2),
        gated=st.booleans(),
        wants=nodes,
        alike=st.booleans(),
    )
    def add(
        self, name: str, priority: int, gated: bool, wants: str, alike: bool
    ) -> None:
        if self.twin.find(name) is None:
            pod = make(name, priority, gated, wants)
            kind = (priority, gated, wants) if alike else None
            self.queue.add(pod, self.now, kind)
            self.twin.add(pod, self.now)

    @rule()
    def pop(self) -> None:
        ready = self.queue.next_time(self.now)
        mine, theirs = self.queue.pop(self.now), self.twin.pop(self.now)
        assert (mine and mine.key) == (theirs and theirs.pod.key)
        if mine is not None and theirs is not None:
            assert ready == self.now
            assert mine.attempts == theirs.attempts
            self.flying.append((mine, theirs))
        else:
            assert ready > self.now

    @rule(times=st.integers(1, 6), refused=some_plugins, step=steps)
    def try_in_vain(self, times: int, refused: set[str], step: float) -> None:
        """Reject several pods, time passing between the attempts."""
        for _ in range(times):
            mine, theirs = self.queue.pop(self.now), self.twin.pop(self.now)
            assert (mine and mine.key) == (theirs and theirs.pod.key)
            if mine is not None and theirs is not None:
                self.now += step / 4
                self.queue.add_unschedulable(mine, refused, self.now)
                self.twin.fail(theirs, refused, set(), self.now)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), refused=some_plugins, put_off=some_plugins)
    def fail(self, data: st.DataObject, refused: set[str], put_off: set[str]) -> None:
        index = data.draw(st.integers(0, len(self.flying) - 1))
        mine, theirs = self.flying.pop(index)
        self.queue.add_unschedulable(mine, refused, self.now, put_off)
        self.twin.fail(theirs, refused, put_off, self.now)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.flying) - 1))
        mine, theirs = self.flying.pop(index)
        self.queue.done(mine)
        self.twin.done(theirs)

    @rule(
        name=st.sampled_from(["a", "b", "c"]),
        action=st.sampled_from([Action.ADD, Action.NODE_LABEL, Action.NODE_TAINT]),
    )
    def node(self, name: str, action: Action) -> None:
        event = node_event(name, action)
        self.queue.on_event(event, self.now)
        self.twin.happen(event, self.now)

    @rule()
    def other_pod_leaves(self) -> None:
        event = Event(Resource.ASSIGNED_POD, Action.DELETE, make("x", 0, False, ""))
        self.queue.on_event(event, self.now)
        self.twin.happen(event, self.now)

    @rule(name=names)
    def activate(self, name: str) -> None:
        self.queue.activate([make(name, 0, False, "a")], self.now)
        self.twin.want(name, self.now)

    @rule(name=names, priority=st.integers(0, 2), wants=nodes, gated=st.booleans())
    def update(self, name: str, priority: int, wants: str, gated: bool) -> None:
        known = self.twin.find(name)
        if known is not None:
            old, new = known.pod, make(name, priority, gated, wants)
            self.queue.update(old, new, self.now)
            if old != new:
                self.twin.change(new, events_of(old, new), self.now)

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.queue.delete(make(name, 0, False, "a"), self.now)
        self.twin.delete(name, self.now)

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "twin"):
            return
        for index in range(6):
            pod = make(f"pod-{index}", 0, False, "a")
            mine, theirs = self.queue.get(pod), self.twin.find(pod.metadata.name)
            assert (mine and PLACES[mine.place]) == (theirs and theirs.where)
            if mine is not None and theirs is not None:
                assert bool(mine.gating_plugin) == theirs.gated

    @invariant()
    def none_lost_or_doubled(self) -> None:
        if not hasattr(self, "twin"):
            return
        counts = self.queue.counts()
        known = sum(theirs.where == "in flight" for _, theirs in self.flying)
        gone = len(self.flying) - known
        assert len(self.queue) == sum(counts.values()) - gone
        assert len(self.queue) == len(self.twin.line) + known
        assert self.flying or self.queue._flight.kept == 0


Queues.TestCase.settings = settings(stateful_step_count=80)
TestQueues = Queues.TestCase
