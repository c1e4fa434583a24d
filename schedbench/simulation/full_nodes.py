"""Nodes with kubelet, runtime and network, and the controllers that watch over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import msgspec

from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.authorization import NODE_PREFIX
from schedbench.controlplane.controllers.cron_job import CronJobController
from schedbench.controlplane.controllers.daemon_set import DaemonSetController
from schedbench.controlplane.controllers.deployment import DeploymentController
from schedbench.controlplane.controllers.disruption import Disruption
from schedbench.controlplane.controllers.endpoint_slice import EndpointSlices
from schedbench.controlplane.controllers.endpoints import EndpointsController
from schedbench.controlplane.controllers.garbage_collector import GarbageCollector
from schedbench.controlplane.controllers.job import JobController
from schedbench.controlplane.controllers.manager import ControllerManager
from schedbench.controlplane.controllers.namespace import Namespaces
from schedbench.controlplane.controllers.node_lifecycle import NodeLifecycle
from schedbench.controlplane.controllers.pod_gc import PodGc
from schedbench.controlplane.controllers.replica_set import ReplicaSetController
from schedbench.controlplane.controllers.replication_controller import (
    ReplicationControllerController,
)
from schedbench.controlplane.controllers.resource_quota import ResourceQuotas
from schedbench.controlplane.controllers.service_account import ServiceAccounts
from schedbench.controlplane.controllers.stateful_set import StatefulSetController
from schedbench.controlplane.controllers.taint_eviction import TaintEviction
from schedbench.controlplane.controllers.ttl_after_finished import (
    TTLAfterFinishedController,
)
from schedbench.controlplane.leases import NodeLeases
from schedbench.node.kubelet import Kubelet
from schedbench.node.network import Network
from schedbench.node.proxy import ProxyFleet
from schedbench.node.runtime import Runtime
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node, NodeCondition

if TYPE_CHECKING:
    from schedbench.simulation.end_to_end import Component, Wiring

MANAGER = "system:kube-controller-manager"
PROXY = "system:kube-proxy"
MACHINES = "machines"
CONTROLLERS = (
    ReplicaSetController,
    ReplicationControllerController,
    DeploymentController,
    StatefulSetController,
    DaemonSetController,
    JobController,
    CronJobController,
    TTLAfterFinishedController,
    TaintEviction,
    PodGc,
    EndpointSlices,
    EndpointsController,
    ServiceAccounts,
    Namespaces,
    GarbageCollector,
    Disruption,
    ResourceQuotas,
)
"""What kube-controller-manager runs, besides the node lifecycle."""


class Machines:
    """The nodes: each Node object that appears has a kubelet behind it.

    Attributes
    ----------
    kubelets
        By the name of the node.
    runtime, network
        Those of all nodes.
    leases
        Whose heart is heard.
    """

    def __init__(self, wiring: Wiring, leases: NodeLeases) -> None:
        self._wiring = wiring
        clock, parameters, seed = wiring.clock, wiring.parameters, wiring.seed
        self.kubelets: dict[str, Kubelet] = {}
        self.runtime = Runtime(clock, parameters.runtime, parameters.images, seed)
        self.network = Network(clock, parameters.pod_network, seed)
        self.leases = leases
        wiring.clients(MACHINES).watch("Node", self._on_node)

    def _on_node(self, event: WatchEvent) -> None:
        node = cast("Node", event.object)
        name = node.metadata.name
        if event.type == "DELETED":
            self.leases.leave(name)
            self.kubelets.pop(name).stop()
        elif name in self.kubelets:
            kubelet = self.kubelets[name]
            kubelet.node_changed(node)
            if kubelet.healthy and not _is_ready(node):
                self._post_ready(kubelet)
        else:
            self._boot(node)

    def _boot(self, node: Node) -> None:
        wiring, name = self._wiring, node.metadata.name
        kubelet = self.kubelets[name] = Kubelet(
            wiring.clock,
            wiring.clients(NODE_PREFIX + name),
            node,
            wiring.parameters.kubelet,
            wiring.seed,
            self.runtime,
            self.network,
            wiring.stamp,
        )
        self.leases.up(name)
        self._post_ready(kubelet)

    def _post_ready(self, kubelet: Kubelet) -> None:
        kubelet.api.patch("Node", "", kubelet.name, _ready, subresource="status")


def full_nodes() -> Sequence[Component]:
    """Return the components of a whole cluster besides API and scheduler."""
    made: list[Machines] = []

    def machines(wiring: Wiring) -> Machines:
        parameters = wiring.parameters.cluster_controllers.node_leases
        leases = NodeLeases(wiring.clock, parameters, wiring.seed)
        made.append(Machines(wiring, leases))
        return made[-1]

    def manager(wiring: Wiring) -> ControllerManager:
        return ControllerManager(
            wiring.clock,
            wiring.clients(MANAGER),
            wiring.parameters,
            wiring.seed,
            controllers=[*CONTROLLERS, NodeLifecycle.over(made[-1].leases)],
        )

    def proxies(wiring: Wiring) -> ProxyFleet:
        nodes = made[-1].kubelets
        return ProxyFleet(
            wiring.clock,
            wiring.clients(PROXY),
            wiring.parameters.proxy,
            wiring.seed,
            lambda: len(nodes),
            wiring.stamp,
        )

    return machines, manager, proxies


def _is_ready(node: Node) -> bool:
    return any(
        one.type == "Ready" and one.status == "True" for one in node.status.conditions
    )


def _ready(item: ApiObject) -> Node | None:
    node = cast("Node", item)
    if _is_ready(node):
        return None
    others = [one for one in node.status.conditions if one.type != "Ready"]
    condition = NodeCondition(type="Ready", status="True")
    status = msgspec.structs.replace(node.status, conditions=[*others, condition])
    return msgspec.structs.replace(node, status=status)
