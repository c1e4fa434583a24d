"""The independent check that the placements of a log keep what the scheduler promises.

Reads the API objects and the log alone, none of the columns, plugins or kernels that
made the placements, so that an error there cannot hide here. Each promise is a module
of `metrics/validation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from schedbench.metrics.validation.census import Census
from schedbench.metrics.validation.gangs import Gangs
from schedbench.metrics.validation.inter_pod import Company
from schedbench.metrics.validation.placement import placement_problems
from schedbench.metrics.validation.plain import breaks_nothing
from schedbench.metrics.validation.preemption import Preemptions
from schedbench.metrics.validation.room import room_problems
from schedbench.metrics.validation.spread import Spread
from schedbench.metrics.validation.violation import PLUGIN_OF, Violation
from schedbench.metrics.validation.volumes import Volumes
from schedbench.metrics.validation.wish import Problem, Wish, machines_of
from schedbench.objects.workload import Workload
from schedbench.simulation.record import EventKind, Record

if TYPE_CHECKING:
    from schedbench.metrics.timeline import Timeline

_ARRIVE, _BIND = int(EventKind.ARRIVE), int(EventKind.BIND)
_UNSCHEDULABLE, _PREEMPT = int(EventKind.UNSCHEDULABLE), int(EventKind.PREEMPT)
_CHANGES = {
    int(EventKind.NODE_ADD): "add",
    int(EventKind.NODE_UPDATE): "update",
    int(EventKind.NODE_REMOVE): "remove",
}


class _Stay(NamedTuple):
    """Where a pod is and what it was when it came there."""

    node: int
    devices: int
    wish: Wish


class _Walk:
    """One pass over a log."""

    def __init__(
        self, workload: Workload, record: Record, node_names: Sequence[str]
    ) -> None:
        self.workload, self.record, self.names = workload, record, node_names
        pods = workload.pods  # lists: reading them one by one is 3 × faster
        self.template: list[int] = pods.template.tolist()
        self.arrival: list[float] = pods.arrival.tolist()
        self.deletion: list[float] = pods.deletion.tolist()
        self.given: list[int] = pods.node.tolist()
        self.found: list[Violation] = []
        self.wishes = [Wish(pod) for pod in pods.templates]
        self.changes = iter(workload.node_events)
        self.updates = list(reversed(workload.pod_updates))
        self.place: dict[int, _Stay] = {}
        self.arrived: set[int] = set()
        self.moved: set[int] = set()
        self.gone: set[int] = set()
        self.queued = workload.needs_scheduling_queue
        objects = workload.objects if self.queued else ()
        self.volumes, self.gangs = Volumes(objects), Gangs(objects)
        self.preemptions = Preemptions(self.gangs.priority)
        self.census = Census()
        self.company = Company(self.wishes, workload.objects, self.census)
        self.spread = Spread(self.wishes, self.census)
        self.machines = machines_of(workload, node_names)
        self.static: list[dict[bytes, list[Problem]]] = [{} for _ in self.machines]
        for machine in self.machines:
            if machine.alive:
                self.census.enter(machine)

    def report(self, time: float, pod: int, node: int, problem: Problem) -> None:
        """Note a violation, unless the filter that would prevent it is off."""
        if PLUGIN_OF.get(problem[0]) in self.record.filters_off:
            return
        pods = self.workload.pods
        self.found.append(
            Violation(
                pods.name(pod) if 0 <= pod < len(pods) else "",
                self.names[node] if 0 <= node < len(self.names) else "",
                time,
                *problem,
            )
        )

    def report_all(
        self, time: float, pod: int, node: int, problems: Iterable[Problem]
    ) -> None:
        """Note some violations."""
        for problem in problems:
            self.report(time, pod, node, problem)

    def run(self) -> list[Violation]:
        """Walk the whole log."""
        record = self.record
        before = 0.0
        for time, kind, pod, node, devices in zip(
            record.time.tolist(),
            record.kind.tolist(),
            record.pod.tolist(),
            record.node.tolist(),
            record.devices.tolist(),
            strict=True,
        ):
            if time != before:
                self.pass_time(before, time)
                if time < before:
                    self.report(time, pod, node, ("time", f"{time} s after {before} s"))
            before = time
            if self.updates and self.updates[-1].time <= time:
                self.update(time)
            if kind in _CHANGES:
                self.change(time, kind, node)
            elif not 0 <= pod < len(self.template):
                self.report(time, pod, node, ("pod", f"no pod {pod}"))
            elif kind == _ARRIVE:
                self.arrive(time, pod)
            elif kind == _BIND:
                self.bind(time, pod, node, devices)
            elif kind == _PREEMPT:
                problems = self.preemptions.preempt(self.wish(pod), node)
                self.report_all(time, pod, node, problems)
            elif kind != _UNSCHEDULABLE:
                self.release(time, EventKind(kind), pod, node)
        self.pass_time(before, before)
        return self.found

    def pass_time(self, before: float, time: float) -> None:
        """Check what has to hold when an instant is over."""
        for pod, problem in self.gangs.problems():
            self.report(before, pod, -1, problem)
        self.preemptions.pass_time()
        for node in self.gone:
            if not self.machines[node].alive:
                self.report_left(before, node)
        self.gone.clear()
        while self.updates and self.updates[-1].time < time:
            self.update(self.updates[-1].time)

    def report_left(self, time: float, node: int) -> None:
        """Note the pods on a node that left the cluster."""
        for pod, stay in self.place.items():
            if stay.node == node:
                self.report(time, pod, node, ("node gone", "pod outlives its node"))

    def update(self, time: float) -> None:
        """Let pods have other templates from this time on; on nodes they stay."""
        while self.updates and self.updates[-1].time <= time:
            change = self.updates.pop()
            stay = self.place.get(change.pod)
            self.template[change.pod] = change.template
            if stay is not None:
                self.account(change.pod, stay, -1)
                now = stay._replace(wish=self.wish(change.pod))
                self.place[change.pod] = now
                self.account(change.pod, now, 1)

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
            elsewhere = self.names[self.place[pod].node]
            self.report(time, pod, node, ("bound twice", f"already on {elsewhere}"))
            return
        if not self.machines[node].alive:
            self.report(time, pod, node, ("node", "not in the cluster"))
            self.gone.add(node)
        elif self.given[pod] != node or pod in self.moved:
            self.judge(time, pod, node, devices)
        stay = _Stay(node, devices, self.wish(pod))
        self.place[pod] = stay
        self.account(pod, stay, 1)
        self.gangs.bind(stay.wish, pod)

    def judge(self, time: float, pod: int, node: int, devices: int) -> None:
        """Check a placement that the scheduler made."""
        machine, wish = self.machines[node], self.wish(pod)
        problems = self.static[node].get(wish.static)
        if problems is None:
            problems = list(placement_problems(wish, machine.node))
            self.static[node][wish.static] = problems
        self.report_all(time, pod, node, problems)
        self.report_all(time, pod, node, room_problems(wish, machine, devices))
        self.report_all(time, pod, node, self.company.problems(wish, machine))
        self.report_all(time, pod, node, self.spread.problems(wish, machine))
        if self.queued:
            gates = wish.pod.spec.scheduling_gates
            if gates:
                self.report(time, pod, node, ("scheduling gate", gates[0].name))
            name = self.workload.pods.name(pod)
            problems = list(self.volumes.problems(wish, name, machine))
            self.report_all(time, pod, node, problems)

    def account(self, pod: int, stay: _Stay, sign: int) -> None:
        """Add a pod to what its node holds, or take it away."""
        machine = self.machines[stay.node]
        machine.account(stay.wish, stay.devices, sign)
        if machine.alive:
            self.census.change(stay.wish, machine, sign)
        if self.queued:
            name = self.workload.pods.name(pod)
            self.volumes.account(stay.wish, name, machine, sign)

    def release(self, time: float, kind: EventKind, pod: int, node: int) -> None:
        """Check that a pod leaves the node that it is on, and may."""
        stay = self.place.pop(pod, None)
        if kind == EventKind.DELETE and time < self.deletion[pod]:
            problems = self.preemptions.delete(self.wish(pod), node)
            self.report_all(time, pod, node, problems)
        if stay is None:
            if node >= 0 or kind != EventKind.DELETE:
                self.report(time, pod, node, ("release", f"{kind.name}: not bound"))
            return
        self.moved.add(pod)
        if stay.node != node:
            place = self.names[stay.node]
            self.report(time, pod, node, ("release", f"{kind.name}: is on {place}"))
        self.account(pod, stay, -1)

    def change(self, time: float, kind: int, node: int) -> None:
        """Follow a change of a node, which must be the next of the workload."""
        due = next(self.changes, None)
        if (
            due is None
            or not 0 <= node < len(self.machines)
            or (due.change, due.node.metadata.name)
            != (_CHANGES[kind], self.names[node])
        ):
            wanted = f"{due.change} {due.node.metadata.name}" if due else "none"
            detail = f"{EventKind(kind).name} logged, {wanted} due"
            self.report(time, -1, node, ("node change", detail))
            return
        machine = self.machines[node]
        if machine.alive:
            self.census.leave(machine)
        elif machine.pods:
            self.report_left(time, node)
        machine.alive = kind != EventKind.NODE_REMOVE
        if not machine.alive:
            self.gone.add(node)
        else:
            machine.become(due.node)
            self.census.enter(machine)
            self.static[node].clear()

    def wish(self, pod: int) -> Wish:
        """Return what a pod asks for now."""
        return self.wishes[self.template[pod]]


def validate(
    workload: Workload, record: Record, node_names: Sequence[str]
) -> list[Violation]:
    """Return every hard constraint that the log breaks, in the order of the log.

    Checked are: time and arrivals; nodes are there; requests and pods within
    allocatable; node name, selector, required affinity, taints and unschedulable at
    the time of the bind; host ports; GPU devices; required pod affinity and
    anti-affinity; hard spread constraints; one node at a time; releases where bound;
    early deletions for preemption alone. In kube-scheduler's scheduling queue also
    gates, volumes and gangs. Pods that the input itself brings on a node
    are accounted for, not judged.

    Parameters
    ----------
    node_names
        Slot → name, as the log numbers nodes.
    """
    if breaks_nothing(workload, record, node_names):
        return []
    return walk(workload, record, node_names)


def walk(
    workload: Workload, record: Record, node_names: Sequence[str]
) -> list[Violation]:
    """Return the same as `validate`, always looking at one entry after the other."""
    return _Walk(workload, record, node_names).run()


def constraint_violations(timeline: Timeline) -> int:
    """Count the hard constraints that the run broke.

    On the virtual clock what a pod is bound by may change while the binding is under
    way; there the laws of the cluster are counted that were broken.
    """
    encoded, breaches = timeline.encoded, timeline.record.breaches
    if breaches is not None:
        return len(breaches)
    return len(validate(encoded.workload, timeline.record, encoded.node_names))
