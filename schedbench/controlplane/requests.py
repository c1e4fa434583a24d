"""One call on its way through an API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from schedbench.controlplane.api import Change, Then
from schedbench.controlplane.authorization import User
from schedbench.objects.meta import ApiObject

if TYPE_CHECKING:
    from schedbench.controlplane.replica import Replica

MUTATING = frozenset({"create", "update", "patch", "delete", "bind", "evict"})
COMPONENT = "kube-apiserver"
"""By whose wall clock what is stored is dated."""
ASKED = {"bind": ("create", "binding"), "evict": ("create", "eviction")}
"""Calls that are a verb on a subresource."""


class Request(msgspec.Struct, eq=False):
    """A call and how far it has come.

    Attributes
    ----------
    verb
        A method's name of `Api`.
    uid
        Of a creation, the new object's; of a deletion, the one that is meant.
    arrived
        When the API server got it, in simulated seconds.
    seated
        Whether it has one of its level's seats.
    done
        Whether it is answered.
    weight
        As how many calls it counts, which are served one after another in one seat.
    """

    user: User
    verb: str
    kind: str
    namespace: str
    name: str
    then: Then | None = None
    subresource: str = ""
    item: ApiObject | None = None
    change: Change | None = None
    grace: float | None = None
    uid: str | None = None
    node: str = ""
    arrived: float = 0.0
    started: float = 0.0
    level: str = ""
    seated: bool = False
    done: bool = False
    replica: Replica | None = None
    weight: float = 1.0
