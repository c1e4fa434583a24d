"""Users who make a call again when the API could not serve it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api, Change, Then, Watch, WatchEvent
from schedbench.objects.meta import ApiObject

RETRY = 1.0
"""Seconds after which they try again: the Retry-After of the API servers' refusals."""
PASSING = frozenset(
    {"Timeout", "ServiceUnavailable", "InternalError", "TooManyRequests"}
)
"""Failures that are the servers', not the call's."""


class Patient:
    """The API as somebody sees it who does not give up."""

    def __init__(self, clock: Clock, api: Api) -> None:
        self._clock, self._api = clock, api
        self.get, self.list = api.get, api.list

    def create(self, item: ApiObject, then: Then | None = None) -> None:
        """Create an object."""
        self._insist(partial(self._api.create, item), then)

    def update(
        self, item: ApiObject, then: Then | None = None, *, subresource: str = ""
    ) -> None:
        """Replace an object."""
        call = partial(self._api.update, item, subresource=subresource)
        self._insist(call, then)

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
        self._insist(call, then)

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
        self._insist(call, then)

    def bind(
        self, namespace: str, name: str, node: str, then: Then | None = None
    ) -> None:
        """Give a pod its node."""
        self._insist(partial(self._api.bind, namespace, name, node), then)

    def evict(self, namespace: str, name: str, then: Then | None = None) -> None:
        """Evict a pod."""
        self._insist(partial(self._api.evict, namespace, name), then)

    def watch(
        self,
        kind: str,
        handler: Callable[[WatchEvent], None],
        *,
        field: tuple[str, str] | None = None,
    ) -> Watch:
        """Watch a kind."""
        return self._api.watch(kind, handler, field=field)

    def _insist(self, call: Callable[..., None], then: Then | None) -> None:
        def answered(answer: Answer) -> None:
            if answer.error is not None and answer.error.reason in PASSING:
                self._clock.after(RETRY, partial(call, then=answered))
            elif then is not None:
                then(answer)

        call(then=answered)
