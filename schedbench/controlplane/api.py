"""What every component sees of the API: calls, answers, watches.

Calls return at once; the answer comes later, to `then`. Objects that are handed over
are never changed in place: whoever wants a change makes a new object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from schedbench.objects.meta import ApiObject

Reason = Literal[
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Forbidden",
    "Unauthorized",
    "Invalid",
    "TooManyRequests",
    "Timeout",
    "ServiceUnavailable",
    "Expired",
    "InternalError",
]
CODES: dict[Reason, int] = {
    "NotFound": 404,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Forbidden": 403,
    "Unauthorized": 401,
    "Invalid": 422,
    "TooManyRequests": 429,
    "Timeout": 504,
    "ServiceUnavailable": 503,
    "Expired": 410,
    "InternalError": 500,
}


class ApiError(msgspec.Struct, frozen=True, gc=False):
    """Why a call failed, in the API's words."""

    reason: Reason
    message: str = ""

    @property
    def code(self) -> int:
        """The HTTP status."""
        return CODES[self.reason]


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came of a call.

    Attributes
    ----------
    object
        The object as it is stored now; of a deletion, as it was last.
    items
        The objects of a list.
    error
        Why it failed, or None.
    """

    object: ApiObject | None = None
    items: Sequence[ApiObject] = ()
    error: ApiError | None = None


Then: TypeAlias = Callable[[Answer], None]
Change: TypeAlias = Callable[[ApiObject], ApiObject | None]


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """A change of an object, in the order of revisions.

    Attributes
    ----------
    type
        What happened to it, as the watcher's selection sees it.
    object
        The object after it; of a deletion, as it was last.
    old
        The object as the watcher knew it before; None if it did not.
    revision
        The revision of the store.
    key
        `namespace/name` of the object.
    """

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: ApiObject
    old: ApiObject | None
    revision: int
    key: str = ""

    def __post_init__(self) -> None:
        if not self.key:  # nearly all who hear of a change ask for it
            msgspec.structs.force_setattr(self, "key", self.object.key)


class Watch(Protocol):
    """A watch that goes on until it is stopped."""

    @property
    def synced(self) -> bool:
        """Whether everything has come that was there when it began."""

    def stop(self) -> None:
        """End it; no event comes after."""


class Api(Protocol):
    """The API as one component's client sees it.

    `kind` is the class's name, as in `KINDS`. A call with `subresource="status"`
    changes the status alone, one without it everything else.
    """

    def create(self, item: ApiObject, then: Then | None = None) -> None:
        """Create an object; `metadata.generate_name` gets a suffix."""

    def get(self, kind: str, namespace: str, name: str, then: Then) -> None:
        """Read an object from the store."""

    def list(self, kind: str, then: Then, *, namespace: str | None = None) -> None:
        """Read all objects of a kind."""

    def update(
        self, item: ApiObject, then: Then | None = None, *, subresource: str = ""
    ) -> None:
        """Replace an object; a Conflict if `metadata.resource_version` is old."""

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
        """Change an object as it is when the call is served; None changes nothing."""

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
        """Delete an object: at once, or when its grace and finalizers are over."""

    def bind(
        self, namespace: str, name: str, node: str, then: Then | None = None
    ) -> None:
        """Give a pod its node; a Conflict if it has one."""

    def evict(self, namespace: str, name: str, then: Then | None = None) -> None:
        """Delete a pod unless that breaks a disruption budget: TooManyRequests then."""

    def watch(
        self,
        kind: str,
        handler: Callable[[WatchEvent], None],
        *,
        field: tuple[str, str] | None = None,
    ) -> Watch:
        """Watch a kind: first every object as ADDED, then every change.

        `field` selects by a field: `("spec.nodeName", name)` for pods,
        `("metadata.name", name)` for any.
        """
