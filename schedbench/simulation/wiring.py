"""What the components of one cluster are wired with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import Api
from schedbench.controlplane.parameters import Parameters
from schedbench.simulation.backplane import Stamp
from schedbench.simulation.control_plane import ControlPlane

Clients: TypeAlias = Callable[..., Api]
"""User, calls a second and at once → the API as that user's client sees it."""


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
