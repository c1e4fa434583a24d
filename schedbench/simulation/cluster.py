"""The parts of one run, and what faults do to them.

Where Kubernetes leaves it open: a scheduler or controller manager that ceases to lead
begins anew when it leads again; what a drain has cordoned, its end uncordons.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from schedbench.clock import Clock
from schedbench.controlplane.api import Api
from schedbench.controlplane.authorization import NODE_PREFIX
from schedbench.controlplane.controllers.manager import ControllerManager
from schedbench.controlplane.etcd_types import Range
from schedbench.controlplane.foreign import ForeignClients
from schedbench.controlplane.latency import Latency
from schedbench.controlplane.parameters import Parameters
from schedbench.controlplane.registry import key_of
from schedbench.controlplane.scheduler import Scheduler
from schedbench.errors import InputError
from schedbench.node.kubelet import Kubelet
from schedbench.node.proxy import ProxyFleet
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.simulation.backplane import Backplane, Stamp
from schedbench.simulation.control_plane import ControlPlane
from schedbench.simulation.drain import Drain
from schedbench.simulation.faults import Elected
from schedbench.simulation.load import Traffic
from schedbench.simulation.machines import Machines
from schedbench.simulation.patient import Patient
from schedbench.simulation.replicas import Replicas
from schedbench.simulation.watchdog import Watchdog
from schedbench.simulation.wiring import Clients, Component, Wiring

Connect: TypeAlias = Callable[
    [Clock, Parameters, int, Stamp, Iterable[KubernetesObject]], Clients
]
"""Builds what stands between the components, with what is stored at first."""
CLOCKS = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager")
"""Whose wall clocks may be wrong; nothing goes by etcd's and the scheduler's."""
SCHEDULER = "kube-scheduler"
MANAGER = "kube-controller-manager"


class Cluster:
    """The parts of one run; `Faultable`.

    Parameters
    ----------
    items
        What is stored when the run begins.
    control_plane
        How many there are of each part.
    connect
        Builds an API of another kind, which no fault can hit.
    patient
        Users who make a call again when the API could not serve it.

    Attributes
    ----------
    wiring
        What its components are wired with.
    parts
        What they are, in the order in which they were added.
    schedulers, managers
        The replicas; None until they are added.
    machines
        The nodes; None if they are hollow.
    traffic
        The requests that come through the ingress; None if there are none.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: Parameters,
        seed: int,
        stamp: Stamp,
        items: Iterable[KubernetesObject] = (),
        *,
        control_plane: ControlPlane = ControlPlane(),  # noqa: B008 - frozen
        connect: Connect | None = None,
        patient: Collection[str] = (),
    ) -> None:
        etcd = dataclasses.replace(parameters.etcd, members=control_plane.etcd)
        parameters = dataclasses.replace(parameters, etcd=etcd)
        build = connect or partial(Backplane, replicas=control_plane.api_servers)
        made = build(clock, parameters, seed, stamp, items)
        clients = _patient(clock, made, patient) if patient else made
        self.wiring = Wiring(clock, parameters, seed, clients, stamp, control_plane)
        self.parts: list[object] = []
        self.schedulers: Replicas[Scheduler] | None = None
        self.managers: Replicas[ControllerManager] | None = None
        self.machines: Machines | None = None
        self.traffic: Traffic | None = None
        self._proxies: ProxyFleet | None = None
        self._drains: dict[str, Drain] = {}
        self._foreign: ForeignClients | None = None
        self._is_out = False
        self._written = (0, clock.now)
        self._backplane = made if isinstance(made, Backplane) else None
        if self._backplane is not None:
            self._backplane.etcd.changed = self._api_changed
            self._backplane.servers.changed = self._api_changed

    def add(self, component: Component) -> None:
        """Wire a component."""
        part = component(self.wiring)
        self.parts.append(part)
        if isinstance(part, Machines):
            self.machines = part
        elif isinstance(part, Traffic):
            self.traffic = part
        elif isinstance(part, ProxyFleet):
            self._proxies = part
        elif isinstance(part, Replicas):
            if part.name == SCHEDULER:
                self.schedulers = part
            elif part.name == MANAGER:
                self.managers = part

    @property
    def backplane(self) -> Backplane:
        """The store and the API servers.

        Raises
        ------
        InputError
            If the API is of another kind.
        """
        if self._backplane is None:
            raise InputError("this API has no parts that could break")
        return self._backplane

    def guarded(self) -> Watchdog | None:
        """Return a watchdog over the cluster; None if its API is of another kind."""
        if self._backplane is None:
            return None
        return Watchdog(self.wiring.clock, self._backplane.etcd, self._kubelets)

    def _kubelets(self) -> Iterable[Kubelet]:
        return self.machines.kubelets.values() if self.machines is not None else ()

    def served(self) -> Mapping[tuple[str, str, int], Sequence[float]]:
        """Return the seconds of each API call, by verb, kind and HTTP status."""
        if self._backplane is None:
            return {}
        return self._backplane.servers.audit.seconds

    @property
    def settled(self) -> bool:
        """Whether nothing is under way that the log does not tell of.

        The scheduler at work, if any, has nothing left to try, and every part that can
        say so is settled.
        """
        working = self.schedulers.working if self.schedulers is not None else None
        if working is not None and not working.settled:
            return False
        return all(getattr(part, "settled", True) for part in self.parts)

    @property
    def written(self) -> float:
        """When something was written last, as far as this was asked after it."""
        revision = self.backplane.etcd.store.revision
        if revision != self._written[0]:
            self._written = revision, self.wiring.clock.now
        return self._written[1]

    @property
    def is_out(self) -> bool:
        """Whether nothing can be written: no API server, or no quorum under it."""
        return self._is_out

    # -- Faultable

    def nodes(self) -> Iterable[Node]:
        """Return the nodes that are there, crashed ones too."""
        found = self.backplane.etcd.store.range(Range(key_of("Node", "", ""), True))
        return [one.value for one in found.items]

    def etcd_members(self) -> int:
        """Return the size of the etcd cluster, stopped members included."""
        return len(self.backplane.etcd.raft.members)

    def api_servers(self) -> int:
        """Return the number of API servers, stopped ones included."""
        return self.wiring.control_plane.api_servers

    def crash_node(self, name: str) -> None:
        """Cut a node's power: kubelet, proxy and containers end without a word."""
        self._nodes.crash(name)
        self._proxy(name)

    def restore_node(self, name: str) -> None:
        """Boot a crashed node: no container runs, images are there."""
        self._nodes.boot(name)
        self._proxy(name)

    def stop_heartbeat(self, name: str) -> None:
        """Let a kubelet renew neither its lease nor its status; pods run on."""
        self._nodes.silence(name)

    def start_heartbeat(self, name: str) -> None:
        """Let it renew both again."""
        self._nodes.speak(name)

    def partition(self, names: Sequence[str]) -> None:
        """Cut nodes off the API servers, both ways; what runs there runs on."""
        self.backplane.servers.cut_off([NODE_PREFIX + name for name in names])
        self._nodes.cut_off(names)
        for name in names:
            self._proxy(name)

    def heal(self, names: Sequence[str]) -> None:
        """Connect them again; their watches resume."""
        self.backplane.servers.reconnect([NODE_PREFIX + name for name in names])
        self._nodes.reconnect(names)
        for name in names:
            self._proxy(name)

    def slow_disk(self, member: int, fsync: Latency | None) -> None:
        """Let an etcd member's fsync take this long; None = as it was."""
        usual = self.wiring.parameters.etcd.fsync
        self.backplane.etcd.set_disk(member, fsync or usual)

    def stop_etcd_member(self, member: int) -> None:
        """Kill an etcd member; its disk stays."""
        self.backplane.etcd.stop_member(member)

    def start_etcd_member(self, member: int) -> None:
        """Start it from its disk; it catches up."""
        self.backplane.etcd.start_member(member)

    def stop_api_server(self, server: int) -> None:
        """Kill an API server; its clients' calls fail, their watches break."""
        self.backplane.servers.crash(server)

    def start_api_server(self, server: int) -> None:
        """Start it with an empty watch cache."""
        self.backplane.servers.start(server)

    def leader(self, component: Elected) -> int | None:
        """Return which replica leads; None while there is no leader."""
        if component == "etcd":
            return self.backplane.etcd.leader
        return self._replicas(component).leader

    def stop_replica(self, component: Elected, replica: int) -> None:
        """Kill a replica of a component; it gives up no lease."""
        if component == "etcd":
            self.stop_etcd_member(replica)
        else:
            self._replicas(component).stop(replica)

    def start_replica(self, component: Elected, replica: int) -> None:
        """Start it; it stands for election."""
        if component == "etcd":
            self.start_etcd_member(replica)
        else:
            self._replicas(component).start(replica)

    def overload(self, qps: float) -> None:
        """Let foreign clients send so many calls a second from now on."""
        if self._foreign is None:
            self._foreign = ForeignClients(self.backplane.servers, self.wiring.seed)
        self._foreign.send(qps)

    def fail_registry(self, until: float) -> None:
        """Let every image pull fail until a time."""
        self._nodes.runtime.registry.fail(until)

    def drain_node(self, name: str) -> None:
        """Cordon a node and evict its pods through the API."""
        api = self.wiring.clients("kubectl")
        self._drains[name] = Drain(self.wiring.clock, api, name)

    def uncordon_node(self, name: str) -> None:
        """Let the node be scheduled to again."""
        self._drains.pop(name).end()

    def skew_clock(self, component: str, seconds: float) -> None:
        """Let a component's wall clock be so far ahead of the true time."""
        if component not in CLOCKS:
            raise InputError(
                "no such clock", value=component, fix=f"use {', '.join(CLOCKS)}"
            )
        self.wiring.clock.skews[component] = seconds

    # -- what they come to

    @property
    def _nodes(self) -> Machines:
        if self.machines is None:
            raise InputError("hollow nodes cannot break", fix="use nodes: full")
        return self.machines

    def _replicas(
        self, component: str
    ) -> Replicas[Scheduler] | Replicas[ControllerManager]:
        replicas = self.schedulers if component == SCHEDULER else self.managers
        if replicas is None:
            raise InputError("the cluster has no such component", value=component)
        return replicas

    def _proxy(self, name: str) -> None:
        """Let a node's proxy hear of changes or not."""
        if self._proxies is not None:
            if name in self._nodes.lost:
                self._proxies.lose(name)
            else:
                self._proxies.regain(name)

    def _api_changed(self) -> None:
        """Tell those who renew leases whether they can."""
        backplane = self.backplane
        is_out = backplane.etcd.raft.stalled or not backplane.servers.ready()
        if is_out == self._is_out:
            return
        self._is_out = is_out
        if self.machines is not None:
            leases = self.machines.leases
            leases.outage() if is_out else leases.recover()
        for part in self.parts:
            if isinstance(part, Replicas):
                part.cut_off() if is_out else part.reconnect()


def _patient(clock: Clock, clients: Clients, users: Collection[str]) -> Clients:
    def client(user: str, *limits: Any) -> Api:
        api = clients(user, *limits)
        return Patient(clock, api) if user in users else api

    return client
