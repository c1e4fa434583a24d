"""The cluster of a case as it changes between the attempts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.experiment.conformance.cases import Case, Event
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent, PodStream, Workload
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.preemption import Candidate
from schedbench.scheduler.profiles import Settings, read_profiles
from schedbench.scheduler.sampling import ALL_NODES
from schedbench.scheduler.world import NOWHERE, World

START = datetime.fromisoformat("2026-01-01T00:00:00Z").timestamp()


class CaseWorld(World):
    """The cluster of a case; slots are in case order, nodes that events add behind.

    Attributes
    ----------
    case
        The case.
    classes
        Class of each pending pod.
    """

    def __init__(self, case: Case) -> None:
        super().__init__(_encoded(case), _settings(case), seed=0)
        self.case = case
        self.classes = self.encoded.class_of[len(case.bound) :]
        self._assumed = 0
        self._before: dict[int, list[Event]] = {}
        for event in case.events:
            self._before.setdefault(event.before, []).append(event)
        for pod, pod_class in zip(case.bound, self.encoded.class_of, strict=False):
            slot = self.slots.get(pod.spec.node_name or "", NOWHERE)
            self.put(PlacedPod(pod, int(pod_class), slot, _started(pod)))
        for pod, pod_class in zip(case.pending, self.classes, strict=True):
            nominated = self.slots.get(pod.status.nominated_node_name or "")
            self.nominate(pod, int(pod_class), nominated)

    def advance(self, index: int) -> bool:
        """Make the changes before an attempt; return whether there were any."""
        events = self._before.get(index, ())
        for event in events:
            if event.operation == "deletePod":
                self.take(event.name)
            elif event.operation == "removeNode":
                self.leave(event.name)
            elif event.node is not None:
                self.join(event.node)
        self.look()
        return bool(events)

    def assume(self, pod: Pod, pod_class: int, slot: int) -> None:
        """Place a pod; it starts one second after the one that was placed last."""
        self.put(PlacedPod(pod, pod_class, slot, START + self._assumed))
        self._assumed += 1

    def make_room(self, pod: Pod, pod_class: int, chosen: Candidate) -> None:
        """Evict the victims and nominate the pod in the place of lower ones."""
        for victim in chosen.victims:
            self.take(victim.pod.key)
        self.clear_lower(pod, chosen)
        self.nominate(pod, pod_class, chosen.slot)
        self.look()


def _encoded(case: Case) -> EncodedWorkload:
    pods = PodStream.of([*case.bound, *case.pending])
    events = [NodeEvent(0.0, "add", event.node) for event in case.events if event.node]
    return encode(
        Workload(case.identity, case.nodes, pods, case.objects, node_events=events)
    )


def _settings(case: Case) -> Mapping[str, Settings]:
    """Return the profiles; where the recording looked at all nodes, they do so too."""
    found = read_profiles(case.config)
    if case.sampled:
        return found
    return {name: one.sampling(ALL_NODES) for name, one in found.items()}


def _started(pod: Pod) -> float:
    start = pod.status.start_time
    return float("inf") if start is None else datetime.fromisoformat(start).timestamp()
