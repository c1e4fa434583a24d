"""Leader election: of several replicas, the one that holds the Lease works.

A healthy leader's renewals and the looks of those who wait change nothing: they are
added up by `load` rather than simulated. Only taking the lease goes through the API.
Source: `k8s.io/client-go/tools/leaderelection`, docs.kubernetes.io "Leases".
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Answer, Api
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.leases import Accumulated
from schedbench.controlplane.parameters import LeaderElectionParameters
from schedbench.objects.coordination import Lease, LeaseSpec
from schedbench.objects.meta import ObjectMeta

NAMESPACE = "kube-system"


class _Replica:
    """A candidate; `since` is when it could first see the lease, in this life."""

    def __init__(
        self,
        identity: str,
        api: Api,
        on_start: Callable[[], None],
        on_stop: Callable[[], None],
        period: float,
    ) -> None:
        self.identity, self.api = identity, api
        self.on_start, self.on_stop = on_start, on_stop
        self.period = period
        self.is_up = False
        self.is_cut_off = False
        self.since = 0.0
        self.life = 0
        self.timer: Timer | None = None

    def rest(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class LeaderElection:
    """The replicas of one component and the lease they compete for.

    Faults are told by `crash`, `restart`, `cut_off` and `reconnect`; an API outage
    cuts all of them off.

    Attributes
    ----------
    leader
        Who works now, or None.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: LeaderElectionParameters,
        seed: int,
        *,
        lease: str,
    ) -> None:
        """Open an election for the Lease of this name, such as `kube-scheduler`."""
        self._clock = clock
        self._parameters = parameters
        self._draws = Draws(seed, f"leader-election/{lease}")
        self._lease = lease
        self._replicas: dict[str, _Replica] = {}
        self._renewing_since: float | None = None
        self._renewed = -math.inf
        self._requests = Accumulated()
        self.leader: str | None = None

    def join(
        self,
        identity: str,
        api: Api,
        on_start: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        """Stand for election.

        Parameters
        ----------
        identity
            The replica's name.
        api
            Its client.
        on_start, on_stop
            Called when it begins to lead, and when it must cease to; a crash calls
            neither.
        """
        parameters = self._parameters
        jitter = parameters.jitter * self._draws.uniform()
        period = parameters.retry_period * (1 + jitter)
        self._replicas[identity] = _Replica(identity, api, on_start, on_stop, period)
        self.restart(identity)

    def crash(self, identity: str) -> None:
        """Let a replica die: a leader's lease stays as last renewed, and runs out."""
        replica = self._replicas[identity]
        if not replica.is_up:
            return
        replica.is_up = False
        replica.life += 1
        replica.rest()
        if self.leader == identity:
            self._lose()
        self._count()

    def restart(self, identity: str) -> None:
        """Let a replica come up, as a candidate that has seen no lease yet."""
        replica = self._replicas[identity]
        if not replica.is_up:
            replica.is_up = True
            self._return(replica)

    def cut_off(self, identity: str) -> None:
        """Let a replica's calls fail; a leader gives up after the renew deadline."""
        replica = self._replicas[identity]
        if replica.is_cut_off:
            return
        replica.is_cut_off = True
        replica.rest()
        if self.leader == identity:
            self._stop_renewing()
            deadline = self._renewed + self._parameters.renew_deadline
            when = max(deadline, self._clock.now)
            replica.timer = self._clock.at(when, self._give_up, replica)
            self._rouse()
        self._count()

    def reconnect(self, identity: str) -> None:
        """Let a replica's calls succeed again."""
        replica = self._replicas[identity]
        if not replica.is_cut_off:
            return
        replica.is_cut_off = False
        if not replica.is_up:
            return
        if self.leader == identity:
            self._renewing_since = self._clock.now
            for other in self._replicas.values():
                other.rest()
            self._count()
        else:
            self._return(replica)

    def renewed_at(self, now: float) -> float:
        """Return when the lease was last renewed; −∞ if it never was."""
        since = self._renewing_since
        if since is None:
            return self._renewed
        period = self._parameters.retry_period
        return since + math.floor((now - since) / period) * period

    def load(self, since: float, until: float) -> float:
        """Return how many requests the renewals and looks were in (since, until]."""
        return self._requests.at(until) - self._requests.at(since)

    def _return(self, replica: _Replica) -> None:
        replica.since = self._clock.now
        replica.life += 1
        self._count()
        if not replica.is_cut_off:
            self._try(replica)

    def _try(self, replica: _Replica) -> None:
        life = replica.life

        def seen(answer: Answer) -> None:
            if self._is_waiting(replica, life):
                self._seen(replica, life, answer)

        replica.timer = None
        replica.api.get("Lease", NAMESPACE, self._lease, seen)

    def _seen(self, replica: _Replica, life: int, answer: Answer) -> None:
        def taken(answer: Answer) -> None:
            if answer.error is None:
                self._won(replica, life)
            elif self._is_waiting(replica, life):
                self._wait(replica)

        lease, identity = answer.object, replica.identity
        if answer.error is not None and answer.error.reason == "NotFound":
            meta = ObjectMeta(namespace=NAMESPACE, name=self._lease)
            replica.api.create(Lease(metadata=meta, spec=self._spec(replica, 0)), taken)
        elif not isinstance(lease, Lease):
            replica.rest()
            replica.timer = self._clock.after(replica.period, self._try, replica)
        elif self._clock.now < self._free_at(replica):
            self._wait(replica)
        else:
            transitions = lease.spec.lease_transitions
            transitions += lease.spec.holder_identity != identity
            spec = self._spec(replica, transitions)
            replica.api.update(msgspec.structs.replace(lease, spec=spec), taken)

    def _spec(self, replica: _Replica, transitions: int) -> LeaseSpec:
        return LeaseSpec(
            holder_identity=replica.identity,
            lease_duration_seconds=math.ceil(self._parameters.lease_duration),
            acquire_time=f"{self._clock.now:.6f}",
            lease_transitions=transitions,
        )

    def _won(self, replica: _Replica, life: int) -> None:
        """Begin to lead; whoever died on the way leaves a lease that runs out."""
        self._renewing_since = self._renewed = self._clock.now
        self.leader = replica.identity
        if not replica.is_up or replica.life != life:
            self._lose()
            return
        for other in self._replicas.values():
            other.rest()
        self._count()
        replica.on_start()
        if replica.is_cut_off:
            replica.is_cut_off = False
            self.cut_off(replica.identity)

    def _is_waiting(self, replica: _Replica, life: int) -> bool:
        reachable = replica.is_up and not replica.is_cut_off
        return reachable and replica.life == life and self.leader != replica.identity

    def _wait(self, replica: _Replica) -> None:
        """Look again when the lease may be free; not at all while it is renewed."""
        if self._renewing_since is None:
            replica.rest()
            now, when = self._clock.now, self._free_at(replica)
            later = when if when > now else now + replica.period
            replica.timer = self._clock.at(later, self._try, replica)

    def _free_at(self, replica: _Replica) -> float:
        """Return the replica's first look at which the lease has run out for it.

        It counts the lease's duration from its own first look after the last renewal.
        """
        if self._renewing_since is not None:
            return math.inf
        seen = self._look(replica, max(self._renewed, replica.since))
        return self._look(replica, seen + self._parameters.lease_duration)

    @staticmethod
    def _look(replica: _Replica, time: float) -> float:
        looks = math.ceil((time - replica.since) / replica.period - 1e-9)
        return replica.since + looks * replica.period

    def _lose(self) -> None:
        self._stop_renewing()
        self.leader = None
        self._rouse()
        self._count()

    def _give_up(self, replica: _Replica) -> None:
        replica.timer = None
        self.leader = None
        self._count()
        replica.on_stop()

    def _stop_renewing(self) -> None:
        self._renewed = self.renewed_at(self._clock.now)
        self._renewing_since = None

    def _rouse(self) -> None:
        for replica in self._replicas.values():
            if self._is_waiting(replica, replica.life):
                self._wait(replica)

    def _count(self) -> None:
        rate = 0.0
        for replica in self._replicas.values():
            if replica.is_up and not replica.is_cut_off:
                leads = self.leader == replica.identity
                period = self._parameters.retry_period if leads else replica.period
                rate += 1 / period
        self._requests.set(self._clock.now, rate)
