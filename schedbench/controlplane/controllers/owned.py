"""Which objects have which controller, kept up to date by an informer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schedbench.clock import Clock
from schedbench.controlplane.api import WatchEvent
from schedbench.objects.meta import ApiObject, OwnerReference
from schedbench.objects.pod import Pod


def controller_of(item: ApiObject) -> OwnerReference | None:
    """Return the reference to the controller, of which an object has at most one."""
    for reference in item.metadata.owner_references:
        if reference.controller:
            return reference
    return None


def is_active(pod: Pod) -> bool:
    """Return whether a pod counts as a replica: neither finished nor being deleted."""
    return (
        pod.status.phase not in {"Succeeded", "Failed"}
        and pod.metadata.deletion_timestamp is None
    )


def is_ready(pod: Pod) -> bool:
    """Return whether the pod's condition Ready is True."""
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)


def restarts(pod: Pod) -> int:
    """Return how often the containers of a pod were restarted in place."""
    status = pod.status
    return sum(
        one.restart_count
        for one in (*status.init_container_statuses, *status.container_statuses)
    )


class Family:
    """The objects of one controller.

    Attributes
    ----------
    items
        By key, in the order in which they were first seen.
    unchecked
        Those whose labels have not been compared with the selector since they came or
        changed; whoever compares removes them.
    active, ready
        How many pods count as replicas, and how many of these are ready.
    ready_since
        When each of the active pods that are ready was first seen so.
    """

    __slots__ = ("active", "items", "ready_since", "unchecked")

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.unchecked: dict[str, Any] = {}
        self.active = 0
        self.ready_since: dict[str, float] = {}

    @property
    def ready(self) -> int:
        """How many active pods are ready."""
        return len(self.ready_since)

    def put(self, key: str, item: ApiObject, now: float) -> None:
        """Take an object in, or its change."""
        old = self.items.get(key)
        if old is None or old.metadata.labels != item.metadata.labels:
            self.unchecked[key] = item
        self.items[key] = item
        if not isinstance(item, Pod):
            return
        active = is_active(item)
        self.active += active - (old is not None and is_active(old))
        if active and is_ready(item):
            self.ready_since.setdefault(key, now)
        else:
            self.ready_since.pop(key, None)

    def remove(self, key: str) -> None:
        """Let an object go."""
        old = self.items.pop(key, None)
        self.unchecked.pop(key, None)
        self.ready_since.pop(key, None)
        if isinstance(old, Pod):
            self.active -= is_active(old)


class Owned:
    """The objects of a kind by the uid of their controller.

    Attributes
    ----------
    orphans
        Namespace → key → object without a controller.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._families: dict[str, Family] = {}
        self._uids: dict[str, str] = {}
        self.orphans: dict[str, dict[str, Any]] = {}

    def of(self, uid: str | None) -> Family:
        """Return the objects of a controller."""
        return self._families.get(uid or "") or Family()

    def orphans_in(self, namespace: str) -> Mapping[str, Any]:
        """Return the objects of a namespace without a controller."""
        return self.orphans.get(namespace, {})

    def changed(self, event: WatchEvent) -> None:
        """Take in what an informer hears."""
        item = event.object
        key, namespace = event.key, item.metadata.namespace
        reference = controller_of(item)
        uid = (reference.uid or "") if reference is not None else ""
        before = self._uids.get(key)
        if before is not None and (before != uid or event.type == "DELETED"):
            self._leave(before, key, namespace)
        if event.type == "DELETED":
            return
        self._uids[key] = uid
        if not uid:
            self.orphans.setdefault(namespace, {})[key] = item
            return
        family = self._families.get(uid)
        if family is None:
            family = self._families[uid] = Family()
        family.put(key, item, self._clock.now)

    def _leave(self, uid: str, key: str, namespace: str) -> None:
        del self._uids[key]
        if not uid:
            self.orphans[namespace].pop(key, None)
            return
        family = self._families[uid]
        family.remove(key)
        if not family.items:
            del self._families[uid]
