"""How many replicas a control plane has."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Replicas: TypeAlias = Annotated[int, Meta(ge=1, le=16)]


class ControlPlane(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How many there are of each part of the control plane.

    Attributes
    ----------
    etcd
        Members of the store's quorum.
    api_servers
        Replicas, all at work behind a balancer.
    schedulers, controller_managers
        Replicas, of which the one that holds the lease works.
    """

    etcd: Literal[1, 3, 5, 7] = 1
    api_servers: Replicas = 1
    schedulers: Replicas = 1
    controller_managers: Replicas = 1
