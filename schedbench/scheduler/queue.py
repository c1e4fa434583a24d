"""The scheduling queue of kube-scheduler, in virtual time.

Pods wait in the active queue (to be popped), the backoff queue (for their backoff to
end) or the pool of unschedulable pods (for an event that may help, a gate to open, or
the timeout). Calls are given the time, which never goes back; what upstream does by
timers is done first, at the seconds at which its timers would have fired.

Source: kubernetes v1.34 pkg/scheduler/backend/queue/scheduling_queue.go with
SchedulerQueueingHints and SchedulerPopFromBackoffQ on, timers started at second 0.
Upstream's order among pods of equal priority and time is not defined; here it is that
of the calls.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping

from schedbench.errors import InvariantError
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey, group_of
from schedbench.scheduler.queueing.entry import Place, PreEnqueue, QueuedPod
from schedbench.scheduler.queueing.events import (
    TIMEOUT,
    Action,
    Event,
    Resource,
    events_of,
    force_activation,
    is_assigned,
    same_pod,
)
from schedbench.scheduler.queueing.hints import HintTable, default_hints
from schedbench.scheduler.queueing.in_flight import InFlight
from schedbench.scheduler.queueing.nominator import Nominator
from schedbench.scheduler.queueing.requeue import ProfileHints, Requeue
from schedbench.scheduler.queueing.waiting import WaitingPods


def without_gates(pod: Pod) -> bool:
    """Return whether SchedulingGates lets the pod into the active queue."""
    return not pod.spec.scheduling_gates


class SchedulingQueue:
    """Pods that wait to be scheduled, and those that are being scheduled.

    Every call that is given the time, in finite seconds, raises InvariantError if it
    goes back.

    Parameters
    ----------
    backoff
        Seconds of the first backoff, and at most.
    hints
        What the plugins registered for; the default plugins' if None.
    profiles
        Tables of other profiles, by `schedulerName`; `hints` serves the rest.
    pre_enqueue
        Plugin → whether a pod may enter the active queue; SchedulingGates if None.
    pop_from_backoff
        Whether pods that back off are popped when the active queue is empty.
    timeout
        Seconds after which an unschedulable pod is tried without an event.

    Attributes
    ----------
    nominator
        Which pods are nominated to which node.
    hints
        Which events may help which pods.
    waiting
        Where pods wait.
    """

    def __init__(
        self,
        *,
        backoff: tuple[float, float] = (1.0, 10.0),
        hints: HintTable | None = None,
        profiles: Mapping[str, HintTable] | None = None,
        pre_enqueue: Mapping[str, PreEnqueue] | None = None,
        pop_from_backoff: bool = True,
        timeout: float = 300.0,
    ) -> None:
        if pre_enqueue is None:
            pre_enqueue = {"SchedulingGates": without_gates}
        self.nominator = Nominator()
        default = default_hints() if hints is None else hints
        self.hints = ProfileHints(default, profiles or {})
        self._pods: dict[str, QueuedPod] = {}
        self._groups: dict[GroupKey, dict[QueuedPod, None]] = {}
        self.waiting = WaitingPods(
            pre_enqueue, backoff, early=pop_from_backoff, timeout=timeout
        )
        self._flight = InFlight()
        self._sequence = 0

    def __len__(self) -> int:
        """Return the number of pods that wait or are being scheduled."""
        return len(self._pods)

    def __iter__(self) -> Iterator[QueuedPod]:
        """Iterate over the pods that wait or are being scheduled."""
        return iter(self._pods.values())

    def get(self, pod: Pod) -> QueuedPod | None:
        """Return what the queue knows of the pod."""
        return self._pods.get(pod.key)

    def members(self, group: GroupKey) -> list[QueuedPod]:
        """Return the pods of a group that wait or are being scheduled, as they came."""
        return list(self._groups.get(group, ()))

    def is_in_flight(self, queued: QueuedPod) -> bool:
        """Return whether a pod was popped and has not come back."""
        return queued in self._flight

    def counts(self) -> dict[Place, int]:
        """Return how many pods are at each place, as of the last call."""
        waiting = self.waiting
        return {
            Place.ACTIVE: len(waiting.active),
            Place.BACKOFF: len(waiting.backoff.rejected),
            Place.ERROR_BACKOFF: len(waiting.backoff.failed),
            Place.UNSCHEDULABLE: len(waiting.pool),
            Place.IN_FLIGHT: len(self._flight),
        }

    def advance(self, now: float) -> None:
        """Do what the timers do up to `now`: end backoffs and time pods out."""
        if self.waiting.advance(now):
            self._flight.record(TIMEOUT)

    def next_time(self, now: float) -> float:
        """Return when, without further calls, a pod may be popped: `now`, later, or ∞.

        Never too late; then too a gate may still hold the pod.
        """
        self.advance(now)
        return self.waiting.next_time()

    def add(self, pod: Pod, now: float, kind: Hashable = None) -> QueuedPod:
        """Add a new pod; pods of one `kind` must differ in name and uid alone.

        Raises
        ------
        InvariantError
            If a pod of that name is in the queue.
        """
        self.advance(now)
        if pod.key in self._pods:
            raise InvariantError(f"pod {pod.key} is in the queue already")
        queued = QueuedPod(pod, _own_kind(pod) if kind is None else kind)
        queued.added = now
        self._stamp(queued, now)
        self._pods[pod.key] = queued
        self._enter_group(queued)
        if self.waiting.to_active(queued):
            self.nominator.nominate(pod)
        return queued

    def pop(self, now: float) -> QueuedPod | None:
        """Return the next pod to schedule, which is in flight then; None if none.

        When no pod is active, the one whose backoff ends first. The caller must hand
        the pod to `done` or `add_unschedulable` when its attempt is over.
        """
        self.advance(now)
        queued = self.waiting.pop()
        if queued is None:
            return None
        self._take_off(queued)
        return queued

    def pop_this(self, queued: QueuedPod, now: float) -> bool:
        """Pop a waiting pod out of turn, unless a gate holds it; return whether."""
        self.advance(now)
        waits = queued.place not in {Place.IN_FLIGHT, Place.GONE}
        if not waits or queued.gating_plugin is not None:
            return False
        self.waiting.discard(queued)
        self._take_off(queued)
        return True

    def _take_off(self, queued: QueuedPod) -> None:
        queued.place = Place.IN_FLIGHT
        queued.attempts += 1
        queued.unschedulable_plugins = queued.pending_plugins = frozenset()
        self._flight.start(queued)

    def done(self, queued: QueuedPod) -> None:
        """Let go of a popped pod that found its place, and of its nomination."""
        self._flight.done(queued)
        if queued.place is Place.IN_FLIGHT:
            self.nominator.remove(queued.pod)
            self._forget(queued)

    def add_unschedulable(
        self,
        queued: QueuedPod,
        plugins: Iterable[str],
        now: float,
        pending: Iterable[str] = (),
    ) -> Place:
        """Take back a popped pod that could not be placed; return where it went.

        Events that happened since it was popped are looked at now. Without plugins it
        failed by an error and backs off whatever happened. A pod that was deleted or
        placed by others meanwhile is gone.

        Parameters
        ----------
        queued
            The popped pod.
        plugins, pending
            The plugins that rejected it; those that only put it off until something
            happens, whose events let it skip the backoff.

        Raises
        ------
        InvariantError
            If the pod is not in flight.
        """
        self.advance(now)
        if queued not in self._flight:
            raise InvariantError(f"pod {queued.key} is not being scheduled")
        events = self._flight.events(queued)
        self._flight.done(queued)
        if queued.place is not Place.IN_FLIGHT:
            return queued.place
        queued.unschedulable_plugins = frozenset(plugins)
        queued.pending_plugins = frozenset(pending)
        if queued.rejectors:
            queued.unschedulable_count += 1
            queued.error_count = 0
        else:
            queued.error_count += 1
        self._stamp(queued, now)
        queued.backoff_until = None
        return self.waiting.requeue(queued, self.hints.worth(queued, events))

    def activate(self, pods: Iterable[Pod], now: float) -> None:
        """Make waiting pods active, skipping their backoff, unless a gate holds them.

        One that is in flight will be tried again when it comes back.
        """
        self.advance(now)
        for pod in pods:
            queued = self._pods.get(pod.key)
            if queued is None or queued.place is Place.ACTIVE:
                continue
            if queued.place is Place.IN_FLIGHT:
                self._flight.record(force_activation(queued.pod))
            else:
                self.waiting.activate(queued)

    def observe(self, old: ApiObject | None, new: ApiObject | None, now: float) -> None:
        """Take in a change of the cluster, given by the object before and after.

        Pods without a node are added, updated or deleted; all else is events.
        """
        waited = old if isinstance(old, Pod) and not is_assigned(old) else None
        if isinstance(new, Pod) and not is_assigned(new):
            if waited is None:
                self.add(new, now)
            else:
                self.update(waited, new, now)
            return
        if waited is not None:
            self.delete(waited, now, placed=new is not None)
        if waited is None or new is not None:
            for event in events_of(old, new):
                self.on_event(event, now)

    def on_event(self, event: Event, now: float) -> int:
        """Move the pods that the event may help; return how many left the pool."""
        self.advance(now)
        return self._move(event)

    def update(self, old: Pod, new: Pod, now: float, kind: Hashable = None) -> None:
        """Take the new version of a pod that has no node; an unknown one is added.

        A pod in the pool is tried again if the change may help it. `kind` is as in
        `add`, for a pod that becomes like others.
        """
        self.advance(now)
        queued = self._pods.get(new.key)
        if queued is None:
            self.add(new, now)
        elif old != new:
            moves = group_of(old) != group_of(new)
            if moves:
                self._leave_group(queued)
            queued.pod = new
            if moves:
                self._enter_group(queued)
            if (old.spec, old.metadata.labels) != (new.spec, new.metadata.labels):
                queued.kind = _own_kind(new) if kind is None else kind
            self._updated(queued, old, new)
        nominee = old.status.nominated_node_name
        if nominee and nominee != new.status.nominated_node_name:
            self._nomination_ended(old)

    def delete(self, pod: Pod, now: float, *, placed: bool = False) -> None:
        """Forget a pod that was deleted, or `placed` by someone else.

        If it was nominated to a node, pods of its priority or less may take its room.
        """
        self.advance(now)
        self.nominator.remove(pod)
        queued = self._pods.get(pod.key)
        if queued is not None and same_pod(queued.pod, pod):
            self.waiting.discard(queued)
            self._forget(queued)
        if pod.status.nominated_node_name and not placed:
            self._nomination_ended(pod)

    def _stamp(self, queued: QueuedPod, now: float) -> None:
        queued.timestamp = now
        queued.sequence = self._sequence
        self._sequence += 1

    def _forget(self, queued: QueuedPod) -> None:
        queued.place = Place.GONE
        if self._pods.get(queued.key) is queued:
            del self._pods[queued.key]
            self._leave_group(queued)

    def _enter_group(self, queued: QueuedPod) -> None:
        group = group_of(queued.pod)
        if group is not None:
            self._groups.setdefault(group, {})[queued] = None

    def _leave_group(self, queued: QueuedPod) -> None:
        group = group_of(queued.pod)
        if group is not None:
            members = self._groups[group]
            del members[queued]
            if not members:
                del self._groups[group]

    def _updated(self, queued: QueuedPod, old: Pod, new: Pod) -> None:
        if queued.place is Place.IN_FLIGHT:
            for event in events_of(old, new):
                self._flight.record(event)
            return
        self.nominator.update(old, new)
        self.waiting.refile(queued)
        if queued.place is not Place.UNSCHEDULABLE:
            return
        for event in events_of(old, new):
            worth = self.hints.worth(queued, [event])
            if self.waiting.requeue(queued, worth) is not Place.UNSCHEDULABLE:
                return

    def _nomination_ended(self, pod: Pod) -> None:
        event = Event(Resource.ASSIGNED_POD, Action.DELETE, pod)
        self._move(event, max_priority=pod.spec.priority or 0)

    def _move(self, event: Event, max_priority: int | None = None) -> int:
        if not event.wildcard and not self.hints.interests(event):
            return 0
        if not len(self.waiting.pool):
            self._flight.record(event)
            return 0

        worth = [
            (pods, self.hints.worth(next(iter(pods)), [event]))
            for pods in self._alike(event)
            if max_priority is None or next(iter(pods)).priority <= max_priority
        ]
        places = [
            self.waiting.requeue(queued, strategy)
            for pods, strategy in worth
            if strategy is not Requeue.SKIP and not self.waiting.holds(next(iter(pods)))
            for queued in list(pods)
        ]
        self._flight.record(event)
        return sum(place is not Place.UNSCHEDULABLE for place in places)

    def _alike(self, event: Event) -> Iterator[Collection[QueuedPod]]:
        """Give the rejected pods to which the event is the same: those of a kind.

        The pod that the event is about is not like the others.
        """
        about = event.new or event.old
        own = self._pods.get(about.key) if isinstance(about, Pod) else None
        pool = self.waiting.pool
        for pods in pool.rejected(lambda queued: self.hints.matters(event, queued)):
            if own is not None and own in pods:
                yield [own]
                others = [one for one in pods if one is not own]
                if others:
                    yield others
            else:
                yield pods


def _own_kind(pod: Pod) -> Hashable:
    """Return a kind of which the pod is the only one."""
    return ("", pod.metadata.uid, pod.key)
