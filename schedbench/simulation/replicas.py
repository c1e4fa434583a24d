"""The replicas of a component of which one works: the one that holds the lease.

A single replica needs no lease and works whenever it is up (`--leader-elect=false`).
A replica begins anew whenever it begins to lead, with copies that it lists then, and
loses everything when it ceases to.

Source: docs.kubernetes.io, concepts/architecture/leases ("Leader election"), and
kube-scheduler's `delayCacheUntilActive`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

from schedbench.controlplane.leader_election import LeaderElection
from schedbench.simulation.wiring import Wiring


class Stoppable(Protocol):
    """What a replica runs."""

    def stop(self) -> None:
        """Crash, or cease to lead: everything in memory is gone."""


Part = TypeVar("Part", bound=Stoppable)


class Replicas(Generic[Part]):
    """The replicas of one component.

    Parameters
    ----------
    name, user
        The component's, which is also that of its lease; and who it is to the API.
    count
        How many.
    make
        Begins the work of a replica that leads from now on.

    Attributes
    ----------
    working
        What the leading replica runs; None while there is no leader.
    """

    def __init__(
        self,
        wiring: Wiring,
        name: str,
        user: str,
        count: int,
        make: Callable[[], Part],
    ) -> None:
        self.name = name
        self.count = count
        self.working: Part | None = None
        self._make = make
        self._leader: int | None = None
        self._up = [True] * count
        self._election: LeaderElection | None = None
        if count == 1:
            self._lead(0)
            return
        self._election = LeaderElection(
            wiring.clock,
            wiring.parameters.cluster_controllers.leader_election,
            wiring.seed,
            lease=name,
        )
        for number in range(count):
            self._election.join(
                self._identity(number),
                wiring.clients(user),
                partial(self._lead, number),
                partial(self._cease, number),
            )

    @property
    def leader(self) -> int | None:
        """Which replica works; None while none does."""
        return self._leader

    def stop(self, number: int) -> None:
        """Kill a replica: it gives up no lease."""
        if not self._up[number]:
            return
        self._up[number] = False
        if self._election is not None:
            self._election.crash(self._identity(number))
        self._cease(number)

    def start(self, number: int) -> None:
        """Start a replica that was killed; it stands for election."""
        if self._up[number]:
            return
        self._up[number] = True
        if self._election is None:
            self._lead(number)
        else:
            self._election.restart(self._identity(number))

    def cut_off(self) -> None:
        """Let the calls of all replicas fail: there is no API."""
        if self._election is not None:
            for number in range(self.count):
                self._election.cut_off(self._identity(number))

    def reconnect(self) -> None:
        """Let them succeed again."""
        if self._election is not None:
            for number in range(self.count):
                self._election.reconnect(self._identity(number))

    def _identity(self, number: int) -> str:
        return f"{self.name}-{number}"

    def _lead(self, number: int) -> None:
        self._leader = number
        self.working = self._make()

    def _cease(self, number: int) -> None:
        if self._leader == number and self.working is not None:
            self._leader = None
            self.working.stop()
            self.working = None
