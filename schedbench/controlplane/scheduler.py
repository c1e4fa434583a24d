"""kube-scheduler: the queue, one scheduling cycle at a time, bindings beside it.

Source: kubernetes v1.34 pkg/scheduler (schedule_one.go, eventhandlers.go) and the
documentation's "Scheduling Framework": scheduling cycles run one after another, binding
cycles concurrently. A pod whose binding is under way is assumed on its node; if the
binding fails it is forgotten there and backs off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from schedbench.clock import Clock, Timer
from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.controlplane.api import Answer, Api
from schedbench.controlplane.informer import Informer
from schedbench.controlplane.parameters import Scheduler as Costs
from schedbench.controlplane.scheduler_cycle import Cycle, Decider, Journal
from schedbench.controlplane.scheduler_events import Listener
from schedbench.controlplane.scheduler_status import preempted, unschedulable
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.scheduler.attempt import Outcome
from schedbench.scheduler.growing import GrowingWorld
from schedbench.scheduler.preemption import Candidate
from schedbench.scheduler.queue import SchedulingQueue
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.events import Action, Event, Resource
from schedbench.scheduler.queueing.made import gates_of, make_queue

AFTER_ALL_ELSE = 10
"""Priority of a cycle's begin: what happens at its instant has happened before."""
SYNCED_POLL = 0.1
"""Seconds between looks whether all copies are complete. Source: syncedPollPeriod in
`k8s.io/client-go/tools/cache/shared_informer.go`."""
KINDS = (
    "Namespace",
    "StorageClass",
    "CSIDriver",
    "CSINode",
    "CSIStorageCapacity",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "VolumeAttachment",
    "PodDisruptionBudget",
    "Service",
    "ReplicationController",
    "ReplicaSet",
    "StatefulSet",
)
"""What it watches besides nodes and pods."""

Stamp = Callable[[Pod, str], None]


class Scheduler:
    """One scheduler, with as many profiles as it serves `schedulerName`s.

    Parameters
    ----------
    clock, api
        The time, and the API as it sees it.
    parameters
        What a cycle costs.
    seed
        Of the ties.
    decider
        How to decide.
    stamp
        Told of pods seen, and decided.
    journal
        Told of decisions.
    number
        Number of a pod's random draws; in the order of attempts by default.
    pods, nodes
        What may come: to know it beforehand only saves work.
    active
        Whether it schedules, or waits to be elected.

    Attributes
    ----------
    cluster
        The cluster as it knows it.
    queue
        The pods that wait.
    calls
        API calls that have not been answered.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        parameters: Costs,
        seed: int,
        decider: Decider,
        *,
        stamp: Stamp | None = None,
        journal: Journal | None = None,
        number: Callable[[Pod], int] | None = None,
        pods: Iterable[Pod] = (),
        nodes: Iterable[Node] = (),
        active: bool = True,
    ) -> None:
        self.clock = clock
        self.calls = 0
        self.running = False
        self._api = api
        self._parameters = parameters
        self._seed = seed
        self._decider = decider
        self._stamp = stamp
        self._journal = journal
        self._numbers: dict[str, int] = {}
        self._number = number or self._count
        self._foreseen = list(pods), list(nodes)
        self._active = active
        self._informers: list[Informer] = []
        self._life = 0
        self.start()

    def start(self) -> None:
        """Come up: list and watch."""
        if self.running:
            return
        self.running = True
        settings = self._decider.settings
        pods, nodes = self._foreseen
        self.cluster = GrowingWorld(settings, self._seed, pods=pods, nodes=nodes)
        groups = PodGroupTable()
        gates = gates_of(settings, groups)
        self.queue: SchedulingQueue = make_queue(
            settings, self.cluster.objects, groups, gates
        )
        self.assumed: dict[str, str] = {}
        self._cycle = Cycle(
            self.cluster, self._decider, self._parameters, self._number, self._journal
        )
        self._busy = False
        self._timer: Timer | None = None
        self._tried: dict[str, int] = {}
        listener = Listener(self, self._stamp)
        for kind in KINDS:
            self._watch(kind, listener.on_object)
        self._watch("Node", listener.on_node)
        self._watch("Pod", listener.on_pod)

    def stop(self) -> None:
        """Crash: forget everything, hear nothing more."""
        for informer in self._informers:
            informer.stop()
        self._informers.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._life += 1
        self.calls = 0
        self.running = False

    def lead(self) -> None:
        """Begin to schedule, having been elected, once all copies are complete."""
        self._lead(self._life)

    def _lead(self, life: int) -> None:
        if life != self._life:
            return
        if all(informer.synced for informer in self._informers):
            self._active = True
            self.wake()
        else:
            self.clock.after(SYNCED_POLL, self._lead, life)

    def wake(self) -> None:
        """Begin a cycle when one is due and none is under way."""
        if self._busy or not self._active:
            return
        due = self.queue.next_time(self.clock.now)
        if self._timer is not None:
            if self._timer.action is not None and self._timer.time <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < math.inf:
            self._timer = self.clock.at(due, self._turn, priority=AFTER_ALL_ELSE)

    @property
    def settled(self) -> bool:
        """Whether nothing would come of another attempt unless something changes."""
        return (
            not self._busy
            and not self.calls
            and all(
                queued.gating_plugin is not None
                or self._tried.get(queued.key) == self.cluster.version
                for queued in self.queue
            )
        )

    def _watch(self, kind: str, listener: Callable[..., None]) -> None:
        informer = Informer(self._api, kind)
        informer.listen(listener)
        self._informers.append(informer)

    def _count(self, pod: Pod) -> int:
        return self._numbers.setdefault(pod.metadata.uid or pod.key, len(self._numbers))

    def _turn(self) -> None:
        """Pop a pod and try it; the cycle ends when it has taken its time."""
        self._timer = None
        queued = self.queue.pop(self.clock.now)
        if queued is None:
            self.wake()
            return
        if queued.pod.metadata.deletion_timestamp is not None:
            self.queue.done(queued)
            self.wake()
            return
        outcome, seconds = self._cycle.run(queued.pod)
        if seconds > 0:
            self._busy = True
            self.clock.after(seconds, self._end, self._life, queued, outcome)
        else:
            self._decided(queued, outcome)
            self.wake()

    def _end(self, life: int, queued: QueuedPod, outcome: Outcome) -> None:
        if life != self._life:
            return
        self._busy = False
        self._decided(queued, outcome)
        self.wake()

    def _decided(self, queued: QueuedPod, outcome: Outcome) -> None:
        if outcome.chosen < 0 or outcome.error:
            self._fail(queued, outcome)
            return
        world = self.cluster.world
        node = world.names[outcome.chosen]
        self._cycle.cursor = (outcome.chosen + 1) % len(world.names)
        pod = _on_node(queued.pod, node)
        placed = self.cluster.place(pod, self.clock.now)
        self.assumed[pod.key] = node
        if self._journal is not None:
            self._journal.assumed(pod, node, placed.devices)
        if self._stamp is not None:
            self._stamp(pod, "decided")
        meta = pod.metadata
        then = self._then(lambda answer: self._bound(queued, pod, answer))
        self._api.bind(meta.namespace, meta.name, node, then)

    def _bound(self, queued: QueuedPod, pod: Pod, answer: Answer) -> None:
        """Let go of a pod that is bound; forget one that is not, and try it again."""
        if answer.error is None:
            self.queue.done(queued)
            if pod.key in self.assumed and self._parameters.assumed_expiry < math.inf:
                expiry = self._parameters.assumed_expiry
                self.clock.after(expiry, self._expire, self._life, pod)
            return
        self._forget(pod)
        self._tried.pop(queued.key, None)
        if not self.queue.is_in_flight(queued):
            return
        if self.queue.get(pod) is queued:
            self.cluster.wait(queued.pod)
        self.queue.add_unschedulable(queued, (), self.clock.now)
        self.wake()

    def _expire(self, life: int, pod: Pod) -> None:
        if life == self._life:
            self._forget(pod)

    def _forget(self, pod: Pod) -> None:
        """Take an assumed pod off its node and say so to those that wait."""
        if self.assumed.get(pod.key) != pod.spec.node_name:
            return
        del self.assumed[pod.key]
        self.cluster.take(pod.key)
        gone = Event(Resource.ASSIGNED_POD, Action.DELETE, pod)
        self.queue.on_event(gone, self.clock.now)
        self.wake()

    def _fail(self, queued: QueuedPod, outcome: Outcome) -> None:
        """Let PostFilter's findings be done, and the pod wait."""
        pod = queued.pod
        if self._journal is not None:
            self._journal.refused(pod, outcome, queued.attempts)
        self._tried[queued.key] = self.cluster.version
        preemption = outcome.after.preemption
        rejectors = () if outcome.error else outcome.rejectors
        self.queue.add_unschedulable(queued, rejectors, self.clock.now)
        nominated: str | None = pod.status.nominated_node_name
        if preemption.tied:
            tied = preemption.tied
            chosen = tied[self._cycle.choose(pod, len(tied))]
            nominated = self.cluster.world.names[chosen.slot]
            self._make_room(pod, chosen, nominated)
            self._nominate(pod, nominated)
        elif preemption.clears or outcome.error:
            nominated = None
            self._nominate(pod, None)
        self._tell(pod, unschedulable(outcome, nominated))

    def _make_room(self, pod: Pod, chosen: Candidate, node: str) -> None:
        """Evict the victims and end lower nominations to the node."""
        if self._journal is not None:
            self._journal.preempting(pod, node)
        for victim in chosen.victims:
            self._evict(victim.pod, preempted(victim.pod, pod))
        for other in self.cluster.world.clear_lower(pod, chosen):
            self._nominate(other.pod, None)
            self._tell(other.pod, unschedulable(None, None))

    def _evict(self, pod: Pod, change: Callable[[Pod], Pod | None]) -> None:
        """Mark a victim as such, then delete it."""
        meta = pod.metadata
        where, name = meta.namespace, meta.name

        def marked(answer: Answer) -> None:
            if answer.error is None:
                then = self._then(lambda answer: None)
                self._api.delete("Pod", where, name, then, uid=meta.uid)

        self._api.patch(
            "Pod",
            where,
            name,
            change,  # type: ignore[arg-type]
            self._then(marked),
            subresource="status",
        )

    def _nominate(self, pod: Pod, node: str | None) -> None:
        """Keep room for a pod at once; its status says so when it is written."""
        if self.queue.get(pod) is None:
            return
        self.cluster.nominate(pod, node)
        self.queue.nominator.nominate(pod, node or "")

    def _tell(self, pod: Pod, change: Callable[[Pod], Pod | None]) -> None:
        if change(pod) is None:
            return
        meta = pod.metadata
        then = self._then(lambda answer: None)
        self._api.patch(
            "Pod",
            meta.namespace,
            meta.name,
            change,  # type: ignore[arg-type]
            then,
            subresource="status",
        )

    def _then(self, then: Callable[[Answer], None]) -> Callable[[Answer], None]:
        """Return what to do with an answer in this life, and count the call."""
        life = self._life
        self.calls += 1

        def answered(answer: Answer) -> None:
            if life == self._life:
                self.calls -= 1
                then(answer)

        return answered


def _on_node(pod: Pod, node: str) -> Pod:
    spec = msgspec.structs.replace(pod.spec, node_name=node)
    return msgspec.structs.replace(pod, spec=spec)
