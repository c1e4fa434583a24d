"""Faults applied to a cluster at their times.

Targets are chosen when a fault begins, from the nodes that are there then. Where
faults overlap, a thing is broken until the last of them has ended; rates of overload
and skews of one clock add up, of slow disks the latest holds.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

from schedbench.clock import Clock, Timer
from schedbench.controlplane.latency import Draws, Latency
from schedbench.errors import InputError
from schedbench.simulation import faults as kinds
from schedbench.simulation.faultable import Faultable
from schedbench.simulation.faults import Elected, Fault

ZONE = "topology.kubernetes.io/zone"
Undo: TypeAlias = Callable[[], None]


@dataclasses.dataclass(frozen=True, slots=True)
class FaultEvent:
    """The beginning or end of a fault, for the report.

    Attributes
    ----------
    time
        Simulated seconds.
    fault
        Its place in the scenario's list.
    what
        `begin` or `end`.
    targets
        What it hit.
    """

    time: float
    fault: int
    what: Literal["begin", "end"]
    targets: tuple[str, ...]


class Injector:
    """Applies a scenario's faults to a cluster.

    Attributes
    ----------
    events
        What began and ended so far.

    Raises
    ------
    InputError
        If a fault names an etcd member or API server that the cluster does not have;
        at its beginning, if its targets are not there.
    """

    def __init__(
        self, clock: Clock, cluster: Faultable, faults: Sequence[Fault], seed: int
    ) -> None:
        self.events: list[FaultEvent] = []
        self._clock, self._cluster, self._seed = clock, cluster, seed
        self._held: Counter[tuple[str, str]] = Counter()
        self._disks: dict[int, list[Latency]] = {}
        self._qps: list[float] = []
        self._skews: dict[str, list[float]] = {}
        self._registry = 0.0
        for number, fault in enumerate(faults):
            self._check(number, fault)
            clock.at(fault.start, self._begin, number, fault)

    def _check(self, number: int, fault: Fault) -> None:
        for field, there in (
            ("members", self._cluster.etcd_members()),
            ("servers", self._cluster.api_servers()),
        ):
            for index in getattr(fault, field, None) or ():
                if index >= there:
                    raise InputError(
                        f"the cluster has {there}",
                        where=f"faults[{number}].{field}",
                        value=index,
                        fix=f"use 0 to {there - 1}",
                    )

    def _begin(self, number: int, fault: Fault) -> None:
        draws = Draws(self._seed, f"faults/{number}")
        try:
            targets, undo = self._apply(fault, draws)
        except InputError as error:
            raise error.at(where=f"faults[{number}]") from None
        self.events.append(FaultEvent(self._clock.now, number, "begin", targets))
        if fault.end < math.inf:
            self._clock.at(fault.end, self._end, number, targets, undo)

    def _end(self, number: int, targets: tuple[str, ...], undo: Undo) -> None:
        undo()
        self.events.append(FaultEvent(self._clock.now, number, "end", targets))

    def _apply(self, fault: Fault, draws: Draws) -> tuple[tuple[str, ...], Undo]:
        cluster = self._cluster
        match fault:
            case kinds.NodeCrash():
                names = fault.targets.choose(cluster.nodes(), draws)
                return tuple(names), self._crash(names)
            case kinds.Partition():
                names = fault.targets.choose(cluster.nodes(), draws)
                return tuple(names), self._cut_off(names)
            case kinds.ZoneLoss():
                names = self._zone(fault.zone)
                lose = self._cut_off if fault.cut_off else self._crash
                return tuple(names), lose(names)
            case kinds.MassEviction():
                names = fault.targets.choose(cluster.nodes(), draws)
                done = self._each(
                    "drain", names, cluster.drain_node, cluster.uncordon_node
                )
                return tuple(names), done
            case kinds.FlappingHeartbeat():
                names = fault.targets.choose(cluster.nodes(), draws)
                return tuple(names), self._flap(names, fault)
            case kinds.SlowDisk():
                members = fault.members
                if members is None:
                    members = list(range(cluster.etcd_members()))
                slow = Latency(fault.median, fault.p99)
                return _texts(members), self._slow(members, slow)
            case kinds.EtcdMemberLoss(members=members):
                return _texts(members), self._each(
                    "etcd", members, cluster.stop_etcd_member, cluster.start_etcd_member
                )
            case kinds.ApiServerLoss(servers=servers):
                return _texts(servers), self._each(
                    "api", servers, cluster.stop_api_server, cluster.start_api_server
                )
            case kinds.LeaderLoss(component=component):
                return self._behead(component)
            case kinds.ApiOverload(qps=qps):
                self._qps.append(qps)
                cluster.overload(sum(self._qps))
                return (), lambda: self._relieve(qps)
            case kinds.RegistryOutage():
                self._registry = max(self._registry, fault.end)
                cluster.fail_registry(self._registry)
                return (), lambda: None
            case kinds.ClockSkew(component=component, seconds=seconds):
                skews = self._skews.setdefault(component, [])
                skews.append(seconds)
                cluster.skew_clock(component, sum(skews))
                return (component,), lambda: self._set_right(component, seconds)

    def _each(
        self,
        what: str,
        targets: Sequence[str] | Sequence[int],
        start: Callable[..., None],
        end: Callable[..., None],
    ) -> Undo:
        """Break targets that are not broken yet; return how to let go of them."""
        for target in targets:
            self._held[what, str(target)] += 1
            if self._held[what, str(target)] == 1:
                start(target)

        def undo() -> None:
            for target in targets:
                self._held[what, str(target)] -= 1
                if self._held[what, str(target)] == 0:
                    end(target)

        return undo

    def _crash(self, names: list[str]) -> Undo:
        cluster = self._cluster
        return self._each("crash", names, cluster.crash_node, cluster.restore_node)

    def _cut_off(self, names: list[str]) -> Undo:
        fresh = [name for name in names if not self._held["partition", name]]
        self._held.update(("partition", name) for name in names)
        if fresh:
            self._cluster.partition(fresh)

        def undo() -> None:
            self._held.subtract(("partition", name) for name in names)
            healed = [name for name in names if not self._held["partition", name]]
            if healed:
                self._cluster.heal(healed)

        return undo

    def _zone(self, zone: str) -> list[str]:
        nodes = [node.metadata for node in self._cluster.nodes()]
        names = sorted(meta.name for meta in nodes if meta.labels.get(ZONE) == zone)
        if not names:
            raise InputError("no node is in the zone", value=zone, fix=f"label {ZONE}")
        return names

    def _flap(self, names: list[str], fault: kinds.FlappingHeartbeat) -> Undo:
        cluster = self._cluster
        held: list[Undo] = []
        timers: list[Timer] = []

        def silence() -> None:
            held.append(
                self._each(
                    "heartbeat", names, cluster.stop_heartbeat, cluster.start_heartbeat
                )
            )
            timers[:] = [self._clock.after(fault.silent, speak)]

        def speak() -> None:
            held.pop()()
            timers[:] = [self._clock.after(fault.speaking, silence)]

        def undo() -> None:
            timers[0].cancel()
            if held:
                held.pop()()

        silence()
        return undo

    def _slow(self, members: list[int], fsync: Latency) -> Undo:
        for member in members:
            self._disks.setdefault(member, []).append(fsync)
            self._cluster.slow_disk(member, fsync)

        def undo() -> None:
            for member in members:
                left = self._disks[member]
                left.remove(fsync)
                self._cluster.slow_disk(member, left[-1] if left else None)

        return undo

    def _behead(self, component: Elected) -> tuple[tuple[str, ...], Undo]:
        cluster = self._cluster
        leader = cluster.leader(component)
        if leader is None:
            return (), lambda: None
        if component == "etcd":
            undo = self._each(
                "etcd", [leader], cluster.stop_etcd_member, cluster.start_etcd_member
            )
        else:
            undo = self._each(
                component,
                [leader],
                lambda replica: cluster.stop_replica(component, replica),
                lambda replica: cluster.start_replica(component, replica),
            )
        return (f"{component}-{leader}",), undo

    def _relieve(self, qps: float) -> None:
        self._qps.remove(qps)
        self._cluster.overload(sum(self._qps))

    def _set_right(self, component: str, seconds: float) -> None:
        self._skews[component].remove(seconds)
        self._cluster.skew_clock(component, sum(self._skews[component]))


def _texts(targets: Iterable[int]) -> tuple[str, ...]:
    return tuple(str(target) for target in targets)
