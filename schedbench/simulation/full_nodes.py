"""Nodes with kubelet, runtime and network, and the controllers that watch over them."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.controlplane.controllers.base import Controller
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
from schedbench.node.proxy import ProxyFleet
from schedbench.simulation.addons import Addons
from schedbench.simulation.machines import Machines
from schedbench.simulation.replicas import Replicas
from schedbench.simulation.wiring import Component, Wiring

MANAGER = "system:kube-controller-manager"
PROXY = "system:kube-proxy"
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


def full_nodes(addons: Addons | None = None) -> Sequence[Component]:
    """Return the components of a whole cluster besides API and scheduler.

    Add-ons are told of the nodes and have their controllers run, but are wired by
    themselves.
    """
    above = Addons() if addons is None else addons
    made: list[Machines] = []

    def machines(wiring: Wiring) -> Machines:
        made.append(Machines(wiring, above.kubelets))
        return made[-1]

    def managers(wiring: Wiring) -> Replicas[ControllerManager]:
        classes: list[type[Controller]] = [
            *CONTROLLERS,
            *above.controllers,
            NodeLifecycle.over(made[-1].leases),
        ]
        return Replicas(
            wiring,
            "kube-controller-manager",
            MANAGER,
            wiring.control_plane.controller_managers,
            lambda: ControllerManager(
                wiring.clock,
                wiring.clients(MANAGER),
                wiring.parameters,
                wiring.seed,
                controllers=classes,
            ),
        )

    def proxies(wiring: Wiring) -> ProxyFleet:
        return ProxyFleet(
            wiring.clock,
            wiring.clients(PROXY),
            wiring.parameters.proxy,
            wiring.seed,
            lambda: len(made[-1].kubelets) - len(made[-1].lost),
            wiring.stamp,
        )

    return machines, managers, proxies
