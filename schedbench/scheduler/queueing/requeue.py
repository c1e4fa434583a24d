"""Whether an event is reason enough to try a rejected pod again, and how soon.

Source: kubernetes v1.34 pkg/scheduler/backend/queue/scheduling_queue.go
(isPodWorthRequeuing, determineSchedulingHintForInFlightPod).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto

from schedbench.objects.pod import Pod
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.events import Event, same_pod
from schedbench.scheduler.queueing.hints import HintTable


class Requeue(Enum):
    """What to do with a rejected pod."""

    SKIP = auto()
    AFTER_BACKOFF = auto()
    NOW = auto()


def worth_requeueing(
    queued: QueuedPod, events: Iterable[Event], table: HintTable
) -> Requeue:
    """Return what the events together are reason for.

    A plugin that rejected the pod lets it back off first; one that only put it off
    wants it tried now. A pod that nobody rejected failed by an error, and is tried
    after its backoff whatever happens.
    """
    if not queued.rejectors:
        return Requeue.AFTER_BACKOFF
    best = Requeue.SKIP
    for event in events:
        if event.wildcard:
            if event.new is None or (
                isinstance(event.new, Pod) and same_pod(event.new, queued.pod)
            ):
                best = Requeue.AFTER_BACKOFF
        else:
            interested = table.interested(event)
            if any(
                plugin in interested and table.helps(plugin, queued.pod, event)
                for plugin in sorted(queued.pending_plugins)
            ):
                return Requeue.NOW
            if best is Requeue.SKIP and any(
                plugin in interested and table.helps(plugin, queued.pod, event)
                for plugin in sorted(queued.unschedulable_plugins)
            ):
                best = Requeue.AFTER_BACKOFF
        if best is Requeue.AFTER_BACKOFF and not queued.pending_plugins:
            return best
    return best


class ProfileHints:
    """What the plugins of each profile registered for.

    Parameters
    ----------
    default
        The table of pods whose profile has none of its own.
    profiles
        `schedulerName` → table.
    """

    def __init__(self, default: HintTable, profiles: Mapping[str, HintTable]) -> None:
        self._default = default
        self._profiles = dict(profiles)
        self._tables = (default, *self._profiles.values())

    def interests(self, event: Event) -> bool:
        """Return whether a plugin of some profile registered for an event."""
        return any(table.interested(event) for table in self._tables)

    def matters(self, event: Event, queued: QueuedPod) -> bool:
        """Return whether the event may help pods that were rejected like this one."""
        interested = self._table(queued.pod).interested(event)
        gate = queued.gating_plugin
        if gate is not None and (event.wildcard or gate not in interested):
            return False
        return event.wildcard or not queued.rejectors.isdisjoint(interested)

    def worth(self, queued: QueuedPod, events: Iterable[Event]) -> Requeue:
        """Return what events together are reason for."""
        return worth_requeueing(queued, events, self._table(queued.pod))

    def _table(self, pod: Pod) -> HintTable:
        return self._profiles.get(pod.spec.scheduler_name or "", self._default)
