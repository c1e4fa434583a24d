"""Garbage collection: what becomes of objects whose owners are deleted.

Source: docs.kubernetes.io "Garbage Collection", "Use Cascading Deletion";
`pkg/controller/garbagecollector`. Background is what happens to an owner that is gone;
the finalizers `foregroundDeletion` and `orphan`, set by whoever deletes, ask for the
other ways.
"""

from __future__ import annotations

from functools import partial

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Api, WatchEvent
from schedbench.controlplane.controllers.base import Call, Controller, Sync
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.kinds import KINDS, NAMESPACED
from schedbench.objects.meta import ApiObject, OwnerReference

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
WATCHED = (
    "Node",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Job",
    "Service",
    "EndpointSlice",
    "PersistentVolumeClaim",
    "Pod",
)
"""Kinds that own or are owned."""


class GarbageCollector(Controller):
    """Follows owner references; its keys are `kind|namespace/name`."""

    name = "garbage-collector-controller"
    workers = 20
    qps_factor = 2.0

    def __init__(
        self,
        clock: Clock,
        api: Api,
        informers: Informers,
        parameters: Parameters,
        seed: int,
    ) -> None:
        super().__init__(clock, api, informers, parameters, seed)
        self._dependents: dict[str, dict[str, None]] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._uids: dict[str, str] = {}
        for kind in WATCHED:
            informers.listen(kind, partial(self._seen, kind))

    def reconcile(self, key: str) -> Sync:
        """Serve an owner that waits for its dependents, or a dependent without one."""
        kind, _, name = key.partition("|")
        item = self.informers[kind].store.get(name)
        if item is None:
            return None
        meta = item.metadata
        if meta.deletion_timestamp is not None:
            if ORPHAN in meta.finalizers:
                return (yield from self._orphan(kind, item))
            if FOREGROUND in meta.finalizers:
                return (yield from self._foreground(kind, item))
            return None
        return (yield from self._dependent(kind, item))

    def _orphan(self, kind: str, item: ApiObject) -> Sync:
        """Take the owner out of its dependents' references, then let it go."""
        uid = item.metadata.uid or ""
        change = partial(_without_owners, uids=(uid,))
        calls = [
            self._patch(k, dependent, change) for k, dependent in self._items_of(uid)
        ]
        answers = yield calls
        for answer in answers:
            if answer.error is not None and answer.error.reason != "NotFound":
                return answer.error
        return (yield from self._let_go(kind, item, ORPHAN))

    def _foreground(self, kind: str, item: ApiObject) -> Sync:
        """Delete the dependents; let the owner go once none of them blocks it."""
        calls: list[Call] = []
        blocked = False
        uid = item.metadata.uid or ""
        for dependent_kind, dependent in self._items_of(uid):
            meta = dependent.metadata
            references = meta.owner_references
            blocked |= any(r.uid == uid and r.block_owner_deletion for r in references)
            if meta.deletion_timestamp is None and all(
                self._is_going(r) for r in references
            ):
                if self._dependents.get(meta.uid or ""):
                    calls.append(self._patch(dependent_kind, dependent, _foreground))
                calls.append(self._delete(dependent_kind, dependent))
        answers = yield calls
        for answer in answers:
            if answer.error is not None and answer.error.reason != "NotFound":
                return answer.error
        if blocked:
            return None
        return (yield from self._let_go(kind, item, FOREGROUND))

    def _dependent(self, kind: str, item: ApiObject) -> Sync:
        """Delete an object of whose owners none is left; else forget those gone."""
        gone: list[str] = []
        left = 0
        for reference in item.metadata.owner_references:
            uid = reference.uid or ""
            if uid in self._uids or reference.kind not in KINDS:
                left += 1
                continue
            space = item.metadata.namespace if reference.kind in NAMESPACED else ""
            get = self.api.get
            answers = yield [self.call(get, reference.kind, space, reference.name)]
            error, found = answers[0].error, answers[0].object
            if error is not None and error.reason != "NotFound":
                return error
            if found is not None and found.metadata.uid == uid:
                left += 1
            else:
                gone.append(uid)
        if not gone:
            return None
        if left:
            change = partial(_without_owners, uids=tuple(gone))
            answers = yield [self._patch(kind, item, change)]
        else:
            answers = yield [self._delete(kind, item)]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error

    def _let_go(self, kind: str, item: ApiObject, finalizer: str) -> Sync:
        change = partial(_without_finalizer, finalizer=finalizer)
        answers = yield [self._patch(kind, item, change)]
        error = answers[0].error
        return None if error is None or error.reason == "NotFound" else error

    def _patch(self, kind: str, item: ApiObject, change: object) -> Call:
        meta = item.metadata
        return self.call(self.api.patch, kind, meta.namespace, meta.name, change)

    def _delete(self, kind: str, item: ApiObject) -> Call:
        meta = item.metadata
        delete = self.api.delete
        return self.call(delete, kind, meta.namespace, meta.name, uid=meta.uid)

    def _items_of(self, uid: str) -> list[tuple[str, ApiObject]]:
        found = []
        for key in self._dependents.get(uid, {}):
            kind, _, name = key.partition("|")
            item = self.informers[kind].store.get(name)
            if item is not None:
                found.append((kind, item))
        return found

    def _is_going(self, reference: OwnerReference) -> bool:
        key = self._uids.get(reference.uid or "")
        if key is None:
            return True
        kind, _, name = key.partition("|")
        item = self.informers[kind].store.get(name)
        return item is None or item.metadata.deletion_timestamp is not None

    def _seen(self, kind: str, event: WatchEvent) -> None:
        item, old = event.object, event.old
        meta = item.metadata
        if event.type == "DELETED":
            self._gone(f"{kind}|{event.key}", meta.uid or "")
            return
        if old is not None:
            before = old.metadata
            if (
                before.owner_references == meta.owner_references
                and before.deletion_timestamp == meta.deletion_timestamp
                and before.finalizers == meta.finalizers
            ):
                return
        key = f"{kind}|{event.key}"
        self._uids[meta.uid or ""] = key
        self._link(key, tuple(r.uid or "" for r in meta.owner_references))
        if meta.deletion_timestamp is not None:
            self._tell_owners(key)
            if ORPHAN in meta.finalizers or FOREGROUND in meta.finalizers:
                self.queue.add(key)
        elif any(uid not in self._uids for uid in self._owners.get(key, ())):
            self.queue.add(key)

    def _link(self, key: str, owners: tuple[str, ...]) -> None:
        for uid in self._owners.pop(key, ()):
            self._dependents[uid].pop(key, None)
            if not self._dependents[uid]:
                del self._dependents[uid]
        if owners:
            self._owners[key] = owners
            for uid in owners:
                self._dependents.setdefault(uid, {})[key] = None

    def _gone(self, key: str, uid: str) -> None:
        self._uids.pop(uid, None)
        self._tell_owners(key)
        self._link(key, ())
        for dependent in self._dependents.get(uid, {}):
            self.queue.add(dependent)

    def _tell_owners(self, key: str) -> None:
        """Have owners that wait for their dependents look again."""
        for uid in self._owners.get(key, ()):
            owner = self._uids.get(uid)
            if owner is not None:
                kind, _, name = owner.partition("|")
                item = self.informers[kind].store.get(name)
                if item is not None and FOREGROUND in item.metadata.finalizers:
                    self.queue.add(owner)


def _without_owners(item: ApiObject, *, uids: tuple[str, ...]) -> ApiObject | None:
    meta = item.metadata
    left = [r for r in meta.owner_references if (r.uid or "") not in uids]
    if len(left) == len(meta.owner_references):
        return None
    meta = msgspec.structs.replace(meta, owner_references=left)
    return msgspec.structs.replace(item, metadata=meta)


def _without_finalizer(item: ApiObject, *, finalizer: str) -> ApiObject | None:
    left = [f for f in item.metadata.finalizers if f != finalizer]
    if len(left) == len(item.metadata.finalizers):
        return None
    meta = msgspec.structs.replace(item.metadata, finalizers=left)
    return msgspec.structs.replace(item, metadata=meta)


def _foreground(item: ApiObject) -> ApiObject | None:
    if FOREGROUND in item.metadata.finalizers:
        return None
    finalizers = [*item.metadata.finalizers, FOREGROUND]
    meta = msgspec.structs.replace(item.metadata, finalizers=finalizers)
    return msgspec.structs.replace(item, metadata=meta)
