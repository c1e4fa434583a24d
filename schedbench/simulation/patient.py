"""Users who make a call again when the API could not serve it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api, Change, Then, Watch, WatchEvent
from schedbench.objects.meta import ApiObject

RETRY = 1.0
"""Seconds after which they try again: the Retry-After of the API servers' refusals."""
PASSING = frozenset(
    {"Timeout", "ServiceUnavailable", "InternalError", "TooManyRequests"}
)
"""Failures that are the servers', not the call's."""

Key: TypeAlias = tuple[str, str, str]
Attempt: TypeAlias = tuple[Callable[..., None], Then | None]


class Patient:
    """The API as somebody sees it who does not give up.

    Calls about one object wait for those before them, so that the last word holds.
    """

    def __init__(self, clock: Clock, api: Api) -> None:
        self._clock, self._api = clock, api
        self.get, self.list = api.get, api.list
        self._calls = 0
        self._waiting: dict[Key, deque[Attempt]] = {}

    def create(self, item: ApiObject, then: Then | None = None) -> None:
        """Create an object; after a failure it may be there already."""
        tried = 0

        def create(then: Then) -> None:
            nonlocal tried
            tried += 1
            self._api.create(item, then)

        def answered(answer: Answer) -> None:
            is_there = answer.error and answer.error.reason == "AlreadyExists"
            if then is not None:
                then(Answer(item) if tried > 1 and is_there else answer)

        self._insist(self._key(item), create, answered)

    def update(
        self, item: ApiObject, then: Then | None = None, *, subresource: str = ""
    ) -> None:
        """Replace an object."""
        call = partial(self._api.update, item, subresource=subresource)
        self._insist(self._key(item), call, then)

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
        """Change an object."""
        call = partial(
            self._api.patch, kind, namespace, name, change, subresource=subresource
        )
        self._insist((kind, namespace, name), call, then)

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
        """Delete an object."""
        call = partial(self._api.delete, kind, namespace, name, grace=grace, uid=uid)
        self._insist((kind, namespace, name), call, then)

    def bind(
        self, namespace: str, name: str, node: str, then: Then | None = None
    ) -> None:
        """Give a pod its node."""
        key = "Pod", namespace, name
        self._insist(key, partial(self._api.bind, namespace, name, node), then)

    def evict(self, namespace: str, name: str, then: Then | None = None) -> None:
        """Evict a pod."""
        key = "Pod", namespace, name
        self._insist(key, partial(self._api.evict, namespace, name), then)

    def watch(
        self,
        kind: str,
        handler: Callable[[WatchEvent], None],
        *,
        field: tuple[str, str] | None = None,
    ) -> Watch:
        """Watch a kind."""
        return self._api.watch(kind, handler, field=field)

    def _insist(self, key: Key, call: Callable[..., None], then: Then | None) -> None:
        waiting = self._waiting.setdefault(key, deque())
        waiting.append((call, then))
        if len(waiting) == 1:
            self._try(key)

    def _try(self, key: Key) -> None:
        waiting = self._waiting[key]
        call, then = waiting[0]

        def answered(answer: Answer) -> None:
            if answer.error is not None and answer.error.reason in PASSING:
                self._clock.after(RETRY, self._try, key)
                return
            waiting.popleft()
            if waiting:
                self._try(key)
            else:
                del self._waiting[key]
            if then is not None:
                then(answer)

        call(then=answered)

    def _key(self, item: ApiObject) -> Key:
        """Return what an object is known by; one that has no name yet, by a number."""
        meta = item.metadata
        self._calls += 1
        return type(item).__name__, meta.namespace, meta.name or f"#{self._calls}"
