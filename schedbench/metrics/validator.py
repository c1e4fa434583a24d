"""The independent check that the placements of a log respect the hard constraints.

Reads the API objects and the log alone, none of the columns, plugins or kernels that
made the placements, so that an error there cannot hide here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from schedbench.metrics.constraints import (
    Machine,
    Problem,
    Wish,
    room_problems,
    static_problems,
)
from schedbench.objects.workload import Workload
from schedbench.simulation.record import EventKind, Record

if TYPE_CHECKING:
    from schedbench.metrics.timeline import Timeline

_ARRIVE, _BIND = int(EventKind.ARRIVE), int(EventKind.BIND)
_UNSCHEDULABLE, _NODE_ADD = int(EventKind.UNSCHEDULABLE), int(EventKind.NODE_ADD)
_CHANGES = {
    EventKind.NODE_ADD: "add",
    EventKind.NODE_UPDATE: "update",
    EventKind.NODE_REMOVE: "remove",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """A hard constraint that a log breaks.

    Attributes
    ----------
    pod, node
        Names; empty where none is concerned.
    time
        Simulated seconds.
    rule
        Name of the broken rule.
    detail
        The values that contradict each other.
    """

    pod: str
    node: str
    time: float
    rule: str
    detail: str


class _Walk:
    """One pass over a log."""

    def __init__(
        self, workload: Workload, record: Record, node_names: Sequence[str]
    ) -> None:
        self.workload, self.record, self.names = workload, record, node_names
        pods = workload.pods  # lists: reading them one by one is 3 × faster
        self.template: list[int] = pods.template.tolist()
        self.arrival: list[float] = pods.arrival.tolist()
        self.given: list[int] = pods.node.tolist()
        self.found: list[Violation] = []
        self.wishes: dict[int, Wish] = {}
        self.machines = _machines(workload, node_names)
        self.changes = iter(workload.node_events)
        self.place: dict[int, tuple[int, int]] = {}
        self.arrived: set[int] = set()
        self.static: dict[tuple[bytes, int], list[Problem]] = {}

    def report(self, time: float, pod: int, node: int, problem: Problem) -> None:
        """Note a violation."""
        pods = self.workload.pods
        self.found.append(
            Violation(
                pods.name(pod) if 0 <= pod < len(pods) else "",
                self.names[node] if 0 <= node < len(self.names) else "",
                time,
                *problem,
            )
        )

    def run(self) -> list[Violation]:
        """Walk the whole log."""
        record, kinds, count = self.record, tuple(EventKind), len(self.template)
        before = 0.0
        for time, kind, pod, node, devices in zip(
            record.time.tolist(),
            record.kind.tolist(),
            record.pod.tolist(),
            record.node.tolist(),
            record.devices.tolist(),
            strict=True,
        ):
            if time < before:
                self.report(time, pod, node, ("time", f"{time} s after {before} s"))
            before = time
            if _NODE_ADD <= kind <= EventKind.NODE_REMOVE:
                self.change(time, kinds[kind], node)
            elif not 0 <= pod < count:
                self.report(time, pod, node, ("pod", f"no pod {pod}"))
            elif kind == _ARRIVE:
                self.arrive(time, pod)
            elif kind == _BIND:
                self.bind(time, pod, node, devices)
            elif kind not in {_UNSCHEDULABLE, EventKind.PREEMPT}:
                self.release(time, kinds[kind], pod, node)
        for pod, (node, _) in self.place.items():
            if not self.machines[node].alive:
                self.report(before, pod, node, ("node gone", "pod outlives its node"))
        return self.found

    def arrive(self, time: float, pod: int) -> None:
        """Check and note an arrival."""
        expected = self.arrival[pod]
        if pod in self.arrived:
            self.report(time, pod, -1, ("arrival", "pod arrives twice"))
        elif time < expected:
            self.report(time, pod, -1, ("arrival", f"pod is due at {expected} s"))
        self.arrived.add(pod)

    def bind(self, time: float, pod: int, node: int, devices: int) -> None:
        """Check a placement, unless the input itself made it, and account for it."""
        if not 0 <= node < len(self.machines):
            self.report(time, pod, node, ("node", f"no node {node}"))
            return
        if pod not in self.arrived:
            self.report(time, pod, node, ("arrival", "bound before it arrived"))
        if pod in self.place:
            elsewhere = self.names[self.place[pod][0]]
            self.report(time, pod, node, ("bound twice", f"already on {elsewhere}"))
            return
        machine, wish = self.machines[node], self.wish(pod)
        if not machine.alive:
            self.report(time, pod, node, ("node", "not in the cluster"))
        elif self.given[pod] < 0:
            self.judge(time, pod, node, devices)
        self.place[pod] = (node, devices)
        machine.account(wish, devices, 1)

    def judge(self, time: float, pod: int, node: int, devices: int) -> None:
        """Check a placement that the scheduler made."""
        machine, wish = self.machines[node], self.wish(pod)
        key = (wish.static, node)
        problems = self.static.get(key)
        if problems is None:
            problems = list(static_problems(wish, machine.node))
            self.static[key] = problems
        for problem in problems:
            self.report(time, pod, node, problem)
        for problem in room_problems(wish, machine, devices):
            self.report(time, pod, node, problem)

    def release(self, time: float, kind: EventKind, pod: int, node: int) -> None:
        """Check that a pod leaves the node that it is on."""
        held = self.place.pop(pod, None)
        if held is None:
            if node >= 0 or kind != EventKind.DELETE:
                self.report(time, pod, node, ("release", f"{kind.name}: not bound"))
            return
        if held[0] != node:
            place = self.names[held[0]]
            self.report(time, pod, node, ("release", f"{kind.name}: is on {place}"))
        self.machines[held[0]].account(self.wish(pod), held[1], -1)

    def change(self, time: float, kind: EventKind, node: int) -> None:
        """Follow a change of a node, which must be the next of the workload."""
        due = next(self.changes, None)
        if (
            due is None
            or not 0 <= node < len(self.machines)
            or (due.change, due.node.metadata.name)
            != (_CHANGES[kind], self.names[node])
        ):
            wanted = f"{due.change} {due.node.metadata.name}" if due else "none"
            detail = f"{kind.name} logged, {wanted} due"
            self.report(time, -1, node, ("node change", detail))
            return
        machine = self.machines[node]
        if kind == EventKind.NODE_REMOVE:
            machine.alive = False
        else:
            machine.alive = True
            machine.become(due.node)
            self.static = {key: v for key, v in self.static.items() if key[1] != node}

    def wish(self, pod: int) -> Wish:
        """Return what a pod asks for."""
        template = self.template[pod]
        found = self.wishes.get(template)
        if found is None:
            found = Wish(self.workload.pods.templates[template])
            self.wishes[template] = found
        return found


def _machines(workload: Workload, node_names: Sequence[str]) -> list[Machine]:
    """Return a machine for each slot; those of nodes at time 0 are in the cluster."""
    objects = {
        change.node.metadata.name: change.node for change in workload.node_events
    }
    objects |= {node.metadata.name: node for node in workload.nodes}
    machines = [Machine(objects[name]) for name in node_names]
    present = {node.metadata.name for node in workload.nodes}
    for name, machine in zip(node_names, machines, strict=True):
        machine.alive = name in present
    return machines


def validate(
    workload: Workload, record: Record, node_names: Sequence[str]
) -> list[Violation]:
    """Return every hard constraint that the log breaks, in the order of the log.

    Checked are: time and arrivals; nodes are there; requests and pods within
    allocatable; node name, selector, required affinity, taints and unschedulable at
    the time of the bind; host ports; GPU devices; one node at a time; releases where
    bound. Pods that the input itself brings on a node are accounted for, not judged.

    Parameters
    ----------
    node_names
        Slot → name, as the log numbers nodes.
    """
    return _Walk(workload, record, node_names).run()


def constraint_violations(timeline: Timeline) -> int:
    """Count the hard constraints that the run broke."""
    encoded = timeline.encoded
    return len(validate(encoded.workload, timeline.record, encoded.node_names))
