"""The API without latencies, limits or rights: what components are tested against."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, ApiError, Change, Then, WatchEvent
from schedbench.objects.kinds import KINDS
from schedbench.objects.meta import ApiObject


class FakeApi:
    """Every call is served at once; answers and events come at the same instant.

    Pods with a node are deleted gracefully: marked first, gone when someone deletes
    them with a grace of 0. Finalizers hold an object until they are empty.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.revision = 0
        self.objects: dict[tuple[str, str, str], ApiObject] = {}
        self.calls: list[tuple[str, str]] = []
        self._watches: list[_Watch] = []

    def of(self, kind: str) -> list[Any]:
        """Return all objects of a kind."""
        return [item for key, item in self.objects.items() if key[0] == kind]

    def create(self, item: ApiObject, then: Then | None = None) -> None:
        item = copy.deepcopy(item)
        meta, kind = item.metadata, type(item).__name__
        if not meta.name:
            meta.name = f"{meta.generate_name}{self.revision:05d}"
        key = (kind, meta.namespace, meta.name)
        if key in self.objects:
            self._answer(then, "create", kind, error="AlreadyExists")
            return
        meta.uid = meta.uid or f"uid-{self.revision}"
        meta.generation = 1
        meta.creation_timestamp = f"{self.clock.now:.6f}"
        self._write("ADDED", None, item)
        self._answer(then, "create", kind, item)

    def get(self, kind: str, namespace: str, name: str, then: Then) -> None:
        found = self.objects.get((kind, namespace, name))
        error = None if found else "NotFound"
        self._answer(then, "get", kind, found, error=error)

    def list(self, kind: str, then: Then, *, namespace: str | None = None) -> None:
        items = [i for i in self.of(kind) if namespace in {None, i.metadata.namespace}]
        self.calls.append(("list", kind))
        self.clock.after(0, then, Answer(items=items))

    def update(
        self, item: ApiObject, then: Then | None = None, *, subresource: str = ""
    ) -> None:
        kind, meta = type(item).__name__, item.metadata
        old = self.objects.get((kind, meta.namespace, meta.name))
        given = meta.resource_version
        if old is None:
            self._answer(then, "update", kind, error="NotFound")
        elif given and given != old.metadata.resource_version:
            self._answer(then, "update", kind, error="Conflict")
        else:
            new = self._merged(old, item, subresource)
            self._answer(then, "update", kind, new)

    def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: Change,
        then: Then | None = None,
        *,
        subresource: str = "",
    ) -> None:
        old = self.objects.get((kind, namespace, name))
        if old is None:
            self._answer(then, "patch", kind, error="NotFound")
            return
        new = change(copy.deepcopy(old))
        if new is not None:
            new = self._merged(old, new, subresource)
        self._answer(then, "patch", kind, new or old)

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        then: Then | None = None,
        *,
        grace: float | None = None,
        uid: str | None = None,
    ) -> None:
        old = self.objects.get((kind, namespace, name))
        if old is None or (uid and old.metadata.uid != uid):
            error = "NotFound" if old is None else "Conflict"
            self._answer(then, "delete", kind, error=error)
            return
        graceful = kind == "Pod" and grace != 0 and bool(old.spec.node_name)  # type: ignore[attr-defined]
        if graceful or old.metadata.finalizers:
            if old.metadata.deletion_timestamp is None:
                new = copy.deepcopy(old)
                new.metadata.deletion_timestamp = f"{self.clock.now:.6f}"
                self._write("MODIFIED", old, new)
        else:
            self._write("DELETED", old, old)
        self._answer(then, "delete", kind, old)

    def bind(
        self, namespace: str, name: str, node: str, then: Then | None = None
    ) -> None:
        old: Any = self.objects.get(("Pod", namespace, name))
        if old is None or old.spec.node_name:
            error = "NotFound" if old is None else "Conflict"
            self._answer(then, "bind", "Pod", error=error)
            return
        new = copy.deepcopy(old)
        new.spec.node_name = node
        self._write("MODIFIED", old, new)
        self._answer(then, "bind", "Pod", new)

    def evict(self, namespace: str, name: str, then: Then | None = None) -> None:
        self.delete("Pod", namespace, name, then)

    def watch(
        self,
        kind: str,
        handler: Callable[[WatchEvent], None],
        *,
        field: tuple[str, str] | None = None,
    ) -> _Watch:
        watch = _Watch(self, kind, handler, field)
        self._watches.append(watch)
        for item in self.of(kind):
            watch.tell("ADDED", None, item, self.revision)
        return watch

    def _merged(self, old: ApiObject, given: ApiObject, subresource: str) -> ApiObject:
        given = copy.deepcopy(given)
        status = getattr(given, "status", None)
        if subresource == "status":
            new = msgspec.structs.replace(old, status=status)  # type: ignore[call-arg]
            new.metadata = copy.deepcopy(old.metadata)
        else:
            new = given
            if hasattr(old, "status"):
                new.status = old.status  # type: ignore[attr-defined]
            if getattr(old, "spec", None) != getattr(new, "spec", None):
                new.metadata.generation = (old.metadata.generation or 0) + 1
        gone = new.metadata.deletion_timestamp and not new.metadata.finalizers
        if gone and not (type(new).__name__ == "Pod" and new.spec.node_name):  # type: ignore[attr-defined]
            self._write("DELETED", old, new)
        else:
            self._write("MODIFIED", old, new)
        return new

    def _write(self, change: Any, old: ApiObject | None, new: ApiObject) -> None:
        self.revision += 1
        key = (type(new).__name__, new.metadata.namespace, new.metadata.name)
        assert key[0] in KINDS
        if change == "DELETED":
            del self.objects[key]
        else:
            new.metadata.resource_version = str(self.revision)
            self.objects[key] = new
        for watch in list(self._watches):
            watch.tell(change, old, new, self.revision)

    def _answer(
        self,
        then: Then | None,
        verb: str,
        kind: str,
        item: ApiObject | None = None,
        *,
        error: Any = None,
    ) -> None:
        self.calls.append((verb, kind))
        if then is not None:
            failed = None if error is None else ApiError(error)
            self.clock.after(0, then, Answer(item, error=failed))


class _Watch:
    synced = True

    def __init__(
        self,
        api: FakeApi,
        kind: str,
        handler: Callable[[WatchEvent], None],
        field: tuple[str, str] | None,
    ) -> None:
        self.api, self.kind, self.handler, self.field = api, kind, handler, field
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True
        self.api._watches.remove(self)

    def selects(self, item: Any) -> bool:
        if self.field is None:
            return True
        path, wanted = self.field
        value = (
            item.metadata.name if path == "metadata.name" else item.spec.node_name or ""
        )
        return bool(value == wanted)

    def tell(self, change: Any, old: Any, new: Any, revision: int) -> None:
        if type(new).__name__ != self.kind:
            return
        had = old is not None and self.selects(old)
        has = self.selects(new) and change != "DELETED"
        if not had and not has:
            return
        kind = "MODIFIED" if had and has else "ADDED" if has else "DELETED"
        event = WatchEvent(kind, new, old if had else None, revision)
        self.api.clock.after(0, self._deliver, event)

    def _deliver(self, event: WatchEvent) -> None:
        if not self.stopped:
            self.handler(event)
