"""Plays a workload through the API: who creates and deletes its pods and nodes.

At one instant departures come first, then changes of nodes, of pods, and arrivals.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np

from schedbench.clock import Clock
from schedbench.cluster.encode import EncodedWorkload
from schedbench.controlplane.api import Answer, Api, WatchEvent
from schedbench.objects.controllers import Job
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod
from schedbench.objects.workload import NodeEvent
from schedbench.scheduler.snapshot import named
from schedbench.simulation.actions import Action
from schedbench.simulation.prepare import make_pods
from schedbench.simulation.record import EventKind
from schedbench.simulation.recorder import Recorder

DEPARTURES, NODES, ARRIVALS = -1, 3, 6
"""Priorities at one instant: each after what the one before causes without latency."""


class Driver:
    """The users of a cluster, as a workload tells what they do.

    Pods on a node that leaves are created anew, as if somebody kept them: a workload
    says of no pod who made it.

    Parameters
    ----------
    clock, api
        The time, and the API as the users see it.
    encoded
        The workload.
    recorder
        Told why pods go.
    actions
        What they do beside the workload.

    Attributes
    ----------
    calls
        API calls that have not been answered.
    last
        When one was last made.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        encoded: EncodedWorkload,
        recorder: Recorder,
        actions: Sequence[Action] = (),
    ) -> None:
        self.calls = 0
        self.last = 0.0
        self._refused: dict[tuple[str, str], list[str]] = {}
        self._clock = clock
        self._api = api
        self._stream = encoded.workload.pods
        self._pods = make_pods(encoded)
        self._recorder = recorder
        self._events = list(encoded.workload.node_events)
        self._next_arrival = self._next_event = 0
        self._names = encoded.node_names
        self._nodes = {node.metadata.name for node in encoded.workload.nodes}
        self._place: dict[int, str] = {}
        self._there: set[int] = set()
        self._gone: set[int] = set()
        self._finishing: list[tuple[float, int]] = []
        self._finish: dict[int, float] = {}
        self._departures: set[float] = set()
        api.watch("Pod", self._on_pod)
        for index in self._pods.deletions.tolist():
            self._depart_at(float(self._stream.deletion[index]))
        self._next_deletion = 0
        self._actions = len(actions)
        for action in actions:
            clock.at(action.time, self._act, action, priority=ARRIVALS)
        self._plan_event()
        self._plan_arrival()

    @property
    def done(self) -> bool:
        """Whether it has nothing to do any more, unless something happens."""
        return (
            self._next_arrival == len(self._stream)
            and self._next_event == len(self._events)
            and not self._departures
            and not self._actions
            and not self.calls
        )

    def refusals(self) -> list[str]:
        """Return what the API refused, a sentence for each kind of call and reason."""
        return [
            f"{len(found):,} × {what} was refused, first {found[0]} ({reason})"
            for (what, reason), found in self._refused.items()
        ]

    def _call(
        self,
        what: str,
        call: Callable[..., None],
        *arguments: object,
        **more: object,
    ) -> None:
        self.calls += 1
        self.last = self._clock.now
        call(*arguments, partial(self._answered, what), **more)

    def _answered(self, what: str, answer: Answer) -> None:
        self.calls -= 1
        if answer.error is not None:
            message = f"at {self._clock.now:g} s: {answer.error.message}"
            found = self._refused.setdefault((what, answer.error.reason), [])
            found.append(message)

    def _depart_at(self, time: float) -> None:
        if time < np.inf and time not in self._departures:
            self._departures.add(time)
            self._clock.at(time, self._depart, priority=DEPARTURES)

    def _depart(self) -> None:
        """Let pods go that have run long enough, then those that get deleted."""
        now = self._clock.now
        self._departures.discard(now)
        while self._finishing and self._finishing[0][0] <= now:
            time, pod = heapq.heappop(self._finishing)
            if pod in self._place and self._finish[pod] == time:
                self._delete(pod, EventKind.FINISH)
                self._gone.add(pod)
        deletions = self._pods.deletions
        while self._next_deletion < len(deletions):
            pod = int(deletions[self._next_deletion])
            if self._stream.deletion[pod] > now:
                break
            self._next_deletion += 1
            self._gone.add(pod)
            if pod in self._there:
                self._delete(pod, EventKind.DELETE)

    def _delete(self, pod: int, why: EventKind) -> None:
        self._place.pop(pod, None)
        self._there.discard(pod)
        namespace, _, name = self._stream.name(pod).partition("/")
        self._recorder.leaving[f"{namespace}/{name}"] = why
        self.calls += 1

        def gone(answer: Answer) -> None:
            self.calls -= 1
            if why is EventKind.EVICT and pod not in self._gone:
                self._create(pod, bound=False)

        self._api.delete("Pod", namespace, name, gone, grace=0.0)

    def _plan_event(self) -> None:
        if self._next_event < len(self._events):
            time = self._events[self._next_event].time
            self._clock.at(time, self._change_nodes, priority=NODES)

    def _change_nodes(self) -> None:
        event = self._events[self._next_event]
        self._next_event += 1
        self._change_node(event)
        self._plan_event()

    def _change_node(self, event: NodeEvent) -> None:
        node, name = event.node, event.node.metadata.name
        if event.change == "add":
            self._nodes.add(name)
            self._call("create Node", self._api.create, node)
        elif event.change == "update":
            self._call("update Node", self._api.update, node)
            self._call("update Node", self._api.update, node, subresource="status")
        else:
            self._nodes.discard(name)
            here = [pod for pod, where in self._place.items() if where == name]
            here.sort(key=lambda pod: int(self._pods.rank[pod]))
            for pod in here:
                self._delete(pod, EventKind.EVICT)
            self._call("delete Node", self._api.delete, "Node", "", name)

    def _plan_arrival(self) -> None:
        if self._next_arrival < len(self._stream):
            pod = self._pods.order[self._next_arrival]
            time = float(self._stream.arrival[pod])
            self._clock.at(time, self._arrive, priority=ARRIVALS)

    def _arrive(self) -> None:
        now = self._clock.now
        while self._next_arrival < len(self._stream):
            pod = int(self._pods.order[self._next_arrival])
            if self._stream.arrival[pod] > now:
                break
            self._next_arrival += 1
            if pod not in self._gone:
                self._create(pod, bound=True)
        self._plan_arrival()

    def _create(self, pod: int, *, bound: bool) -> None:
        """Create a pod, on the node to which it comes if that is there."""
        item = named(self._stream, pod)
        slot = int(self._stream.node[pod])
        name = self._names[slot] if bound and slot >= 0 else None
        if name in self._nodes:
            spec = msgspec.structs.replace(item.spec, node_name=name)
            item = msgspec.structs.replace(item, spec=spec)
        self._there.add(pod)
        self._call("create Pod", self._api.create, item)

    def _act(self, action: Action) -> None:
        self._actions -= 1
        for item in action.objects:
            self._apply(item)
        for kind, namespace, name in action.deletions:
            self._call(f"delete {kind}", self._api.delete, kind, namespace, name)
        for kind, namespace, name, replicas in action.scales:
            change = partial(_scaled, replicas)
            self._call(f"scale {kind}", self._api.patch, kind, namespace, name, change)

    def _apply(self, item: ApiObject) -> None:
        """Create an object, or let its spec and labels be so if it is there."""
        kind, meta = type(item).__name__, item.metadata
        self.calls += 1
        self.last = self._clock.now

        def created(answer: Answer) -> None:
            if answer.error is None or answer.error.reason != "AlreadyExists":
                self._answered(f"apply {kind}", answer)
                return
            self.calls -= 1
            change = partial(_merged, item)
            patch = self._api.patch
            self._call(f"apply {kind}", patch, kind, meta.namespace, meta.name, change)

        self._api.create(item, created)

    def _on_pod(self, event: WatchEvent) -> None:
        item = cast("Pod", event.object)
        pod = self._recorder.number(item)
        if pod >= len(self._stream):
            return
        name = item.spec.node_name
        if event.type == "DELETED":
            self._place.pop(pod, None)
        elif name and pod in self._there and pod not in self._place:
            self._place[pod] = name
            time = self._clock.now + float(self._stream.duration[pod])
            self._finish[pod] = time
            if time < np.inf:
                heapq.heappush(self._finishing, (time, pod))
                self._depart_at(time)


def _scaled(replicas: int, item: Any) -> ApiObject:
    """Return a workload with another number of replicas, a Job of parallel pods."""
    field = "parallelism" if type(item) is Job else "replicas"
    spec = msgspec.structs.replace(item.spec, **{field: replicas})
    changed: ApiObject = msgspec.structs.replace(item, spec=spec)
    return changed


def _merged(given: Any, item: Any) -> ApiObject:
    """Return an object as a user wants it; replicas that are not given stay."""
    meta = msgspec.structs.replace(
        item.metadata,
        labels=item.metadata.labels | given.metadata.labels,
        annotations=item.metadata.annotations | given.metadata.annotations,
    )
    changed: ApiObject = msgspec.structs.replace(item, metadata=meta)
    if hasattr(item, "spec"):
        spec = given.spec
        if getattr(spec, "replicas", 0) is None:
            spec = msgspec.structs.replace(spec, replicas=item.spec.replicas)
        changed = msgspec.structs.replace(changed, spec=spec)
    return changed
