"""A component's copy of a kind, kept up to date by a watch, with those who listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from schedbench.controlplane.api import Api, WatchEvent
from schedbench.objects.meta import ApiObject


class Informer:
    """All objects of a kind, as the component has heard of them.

    Listeners are called after the copy has changed, in the order in which they came.

    Attributes
    ----------
    store
        `namespace/name` → object.
    """

    def __init__(
        self, api: Api, kind: str, *, field: tuple[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.store: dict[str, ApiObject] = {}
        self._listeners: list[Callable[[WatchEvent], None]] = []
        self._watch = api.watch(kind, self._changed, field=field)

    def __iter__(self) -> Iterator[ApiObject]:
        return iter(self.store.values())

    @property
    def synced(self) -> bool:
        """Whether the copy holds all that was there when it was begun."""
        return self._watch.synced

    def listen(self, listener: Callable[[WatchEvent], None]) -> None:
        """Call a function with every change from now on."""
        self._listeners.append(listener)

    def get(self, namespace: str, name: str) -> ApiObject | None:
        """Return an object, or None if the component has not heard of it."""
        return self.store.get(f"{namespace}/{name}" if namespace else name)

    def stop(self) -> None:
        """Listen no more."""
        self._watch.stop()

    def _changed(self, event: WatchEvent) -> None:
        key = event.key
        if event.type == "DELETED":
            self.store.pop(key, None)
        else:
            self.store[key] = event.object
        for listener in self._listeners:
            listener(event)
