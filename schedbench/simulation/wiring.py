"""What the components of one cluster are wired with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from schedbench.clock import Clock
from schedbench.controlplane.api import Api
from schedbench.controlplane.parameters import Parameters
from schedbench.simulation.backplane import Stamp

Clients: TypeAlias = Callable[..., Api]
"""User, calls a second and at once → the API as that user's client sees it."""
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


@dataclasses.dataclass(frozen=True, slots=True)
class Wiring:
    """What components are wired with.

    Attributes
    ----------
    clock, parameters, seed
        The time, the latencies and capacities, and the run's seed.
    clients
        Makes a user's client.
    stamp
        To be told of the hops of pods.
    control_plane
        How many replicas there are.
    """

    clock: Clock
    parameters: Parameters
    seed: int
    clients: Clients
    stamp: Stamp
    control_plane: ControlPlane


Component: TypeAlias = Callable[[Wiring], object]
"""Wires a part of the cluster and returns it."""
