"""A scenario's cluster and pods as cases, a few pods a case, one after another.

Each case begins with the pods that our own decisions placed before. Pods are tried
once, in the order of their arrival, under the workload's own configuration or the
default one; those that end in between leave by events.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from schedbench.experiment.conformance.cases import Decision, decode_case
from schedbench.experiment.conformance.drive import attempts
from schedbench.experiment.verify.groups import Document, assembled
from schedbench.objects.workload import NodeEvent, Workload
from schedbench.objects.written import document, pod_documents

PODS_A_CASE = 25
VERDICTS_A_CASE = 40_000
"""Pods times nodes of a case; an answer takes some 200 bytes for each."""
FIRST_START = datetime(2025, 1, 1, tzinfo=UTC)
KINDS = frozenset(
    {
        "Namespace", "PriorityClass", "PodDisruptionBudget",
        "Service", "ReplicationController", "ReplicaSet", "StatefulSet",
        "PersistentVolume", "PersistentVolumeClaim",
        "StorageClass", "CSINode", "CSIDriver", "CSIStorageCapacity",
    }
)  # fmt: skip
"""Objects that scheduling looks at."""


def scenario_cases(workload: Workload, identity: str, pods: int) -> Iterator[Document]:
    """Yield cases until a number of pods has been tried, or all have.

    Parameters
    ----------
    identity
        Name of the scenario, size and seed: `web-services/quick-1`.
    """
    run = _Run(workload, identity)
    for index, pod in enumerate(pod_documents(workload)):
        if run.tried >= pods:
            break
        if run.is_full() or run.changes_before(float(workload.pods.arrival[index])):
            yield from run.case()
            run.change_nodes(float(workload.pods.arrival[index]))
        run.take(index, pod)
    yield from run.case()


class _Run:
    """The cluster as our decisions made it, and the pods of the next case.

    Attributes
    ----------
    tried
        How many pods were to be scheduled so far.
    """

    def __init__(self, workload: Workload, identity: str) -> None:
        self.tried = 0
        self._workload = workload
        self._identity = identity
        self._nodes = {each.metadata.name: document(each) for each in workload.nodes}
        self._objects = [
            document(each) for each in workload.objects if type(each).__name__ in KINDS
        ]
        self._changes: list[NodeEvent] = list(workload.node_events)[::-1]
        self._bound: dict[str, Document] = {}
        self._ends: list[tuple[float, str]] = []
        self._pending: list[Document] = []
        self._events: list[Document] = []
        self._cases = 0
        self._started = 0

    def is_full(self) -> bool:
        """Tell whether the next case has pods enough."""
        most = min(PODS_A_CASE, VERDICTS_A_CASE // max(len(self._nodes), 1))
        return len(self._pending) >= max(most, 1)

    def changes_before(self, time: float) -> bool:
        """Tell whether a node changes until a time."""
        return bool(self._changes) and self._changes[-1].time <= time

    def change_nodes(self, time: float) -> None:
        """Let nodes come, change, and leave with their pods."""
        while self.changes_before(time):
            event = self._changes.pop()
            name = event.node.metadata.name
            if event.change == "remove":
                self._nodes.pop(name, None)
                for key, pod in list(self._bound.items()):
                    if pod["spec"]["nodeName"] == name:
                        del self._bound[key]
            else:
                self._nodes[name] = document(event.node)

    def take(self, index: int, pod: Document) -> None:
        """Add a pod to the next case, behind those that have ended by then."""
        pods = self._workload.pods
        arrival = float(pods.arrival[index])
        while self._ends and self._ends[0][0] <= arrival:
            self._end(heapq.heappop(self._ends)[1])
        key = _key(pod)
        if "nodeName" in pod["spec"]:
            self._place(pod, pod["spec"]["nodeName"])
        else:
            self._pending.append(pod)
            self.tried += 1
        end = min(arrival + float(pods.duration[index]), float(pods.deletion[index]))
        if end < float("inf"):
            heapq.heappush(self._ends, (end, key))

    def case(self) -> Iterator[Document]:
        """Yield the next case if it has pods, and place them as we decide."""
        if not self._pending:
            return
        parts = assembled(
            list(self._nodes.values()),
            self._pending,
            bound=list(self._bound.values()),
            objects=self._objects,
            config=self._config(),
            events=[e for e in self._events if e["before"] < len(self._pending)],
        )
        name = f"{self._identity}-{self._cases}"
        group = self._workload.name.replace("/", "-")
        case = {"id": name, "group": group, **parts}
        ours = decode_case(case, [{}] * len(self._pending))
        for compared, pod in zip(attempts(ours, "scan"), self._pending, strict=True):
            self._follow(compared.decision, pod)
        for event in self._events:
            self._bound.pop(event["pod"], None)
        self._pending, self._events = [], []
        self._cases += 1
        yield case

    def _config(self) -> Document | None:
        config = self._workload.scheduler_config
        return None if config is None else dict(config)

    def _follow(self, decision: Decision, pod: Document) -> None:
        for victim in (decision.get("preemption") or {}).get("victims", ()):
            self._bound.pop(victim, None)
        last = decision.get("retry") or decision
        if last.get("chosen"):
            self._place(pod, last["chosen"])

    def _place(self, pod: Document, node: str) -> None:
        self._started += 1
        start = FIRST_START + timedelta(seconds=self._started)
        self._bound[_key(pod)] = pod | {
            "spec": pod["spec"] | {"nodeName": node},
            "status": {
                "phase": "Running",
                "startTime": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }

    def _end(self, key: str) -> None:
        if self._pending:
            before = len(self._pending)
            self._events.append({"before": before, "op": "deletePod", "pod": key})
        else:
            self._bound.pop(key, None)


def _key(pod: Document) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
