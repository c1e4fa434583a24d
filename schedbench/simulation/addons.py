"""What runs on top of a cluster, wired through its API: metrics, autoscalers, DNS.

Each part has the identity and the rights of its service account.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from schedbench.addons.dns import Dns
from schedbench.addons.ingress import Ingress
from schedbench.addons.metrics_server import MetricsServer, Usage
from schedbench.controlplane.api import Answer
from schedbench.controlplane.authorization import NODE_PREFIX
from schedbench.controlplane.cluster_autoscaler import ClusterAutoscaler
from schedbench.controlplane.controllers.base import Controller
from schedbench.controlplane.controllers.horizontal_pod_autoscaler import (
    HorizontalPodAutoscalers,
)
from schedbench.node.eviction import pod_usage
from schedbench.node.kubelet import Kubelet
from schedbench.node.worker import Worker
from schedbench.objects.discovery import Endpoint
from schedbench.objects.meta import Quantity
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.simulation.load import Load, Traffic
from schedbench.simulation.node_groups import NodeGroup, pool
from schedbench.simulation.wiring import Component, Wiring
from schedbench.units import milli_value

ACCOUNT = "system:serviceaccount:"
DNS = f"{ACCOUNT}kube-system:coredns"
METRICS_SERVER = f"{ACCOUNT}kube-system:metrics-server"
CLUSTER_AUTOSCALER = f"{ACCOUNT}kube-system:cluster-autoscaler"
INGRESS = f"{ACCOUNT}ingress-nginx:ingress-nginx"
REGISTRATION, LONGEST = 0.1, 7.0
"""Seconds before a kubelet registers its node; doubled at each failure, up to 7.
Source: `pkg/kubelet/kubelet_node_status.go` (registerWithAPIServer)."""


class Addons:
    """The add-ons of one cluster; `metrics_server` and `dns` are components.

    Attributes
    ----------
    kubelets
        Those of the nodes, by name; whoever makes the nodes fills it.
    controllers
        What the add-ons have kube-controller-manager run.
    metrics, resolver, gateway, autoscaler
        The add-ons that have been wired, else None.
    traffic
        The requests that come through the ingress, if there is one.
    """

    def __init__(self) -> None:
        self.kubelets: dict[str, Kubelet] = {}
        self.controllers: Sequence[type[Controller]] = (
            self.horizontal_pod_autoscaler(),
        )
        self.metrics: MetricsServer | None = None
        self.resolver: Dns | None = None
        self.gateway: Ingress | None = None
        self.autoscaler: ClusterAutoscaler | None = None
        self.traffic: Traffic | None = None

    def metrics_server(self, wiring: Wiring) -> MetricsServer:
        """Wire the metrics server: it reads the kubelets."""
        self.metrics = MetricsServer(
            wiring.clock,
            wiring.clients(METRICS_SERVER),
            wiring.parameters.metrics_server,
            wiring.seed,
            self.usage,
        )
        return self.metrics

    def horizontal_pod_autoscaler(self) -> type[HorizontalPodAutoscalers]:
        """Return the controller that asks the metrics server, if there is one."""

        def measured(pod: Pod) -> Usage:
            return {} if self.metrics is None else self.metrics.usage_of(pod)

        return HorizontalPodAutoscalers.measuring(measured)

    def cluster_autoscaler(self, groups: Sequence[NodeGroup]) -> Component:
        """Return what wires the cluster autoscaler: its machines register themselves.

        Raises
        ------
        InputError
            If a group's labels or taints are none.
        """
        pools = [pool(group) for group in groups]

        def wire(wiring: Wiring) -> ClusterAutoscaler:
            self.autoscaler = ClusterAutoscaler(
                wiring.clock,
                wiring.clients(CLUSTER_AUTOSCALER),
                wiring.parameters.cluster_controllers.cluster_autoscaling,
                wiring.seed,
                pools,
                register=functools.partial(_register, wiring, REGISTRATION),
            )
            return self.autoscaler

        return wire

    def dns(self, wiring: Wiring) -> Dns:
        """Wire CoreDNS."""
        api = wiring.clients(DNS)
        self.resolver = Dns(wiring.clock, api, wiring.parameters.dns, wiring.seed)
        return self.resolver

    def ingress(self, loads: Sequence[Load] = ()) -> Component:
        """Return what wires the ingress controller and the requests that come.

        A run with requests goes on until its time is over.
        """

        def wire(wiring: Wiring) -> Traffic:
            clock, parameters, seed = wiring.clock, wiring.parameters, wiring.seed
            api = wiring.clients(INGRESS)
            gateway = self.gateway = Ingress(clock, api, parameters.ingress, seed)
            read = parameters.metrics_server
            traffic = self.traffic = Traffic(
                clock,
                gateway,
                loads,
                seed,
                free=self._free,
                horizon=2 * (read.resolution + read.housekeeping),
            )
            return traffic

        return wire

    def usage(self, pod: Pod, begin: float, end: float) -> Usage:
        """Return what a pod used on average in a time not long past.

        Its kubelet tells what its containers do now: nothing where it does not answer
        or none runs. Requests are served by the first container.
        """
        meta = pod.metadata
        kubelet = self.kubelets.get(pod.spec.node_name or "")
        worker = _worker(kubelet, meta.namespace, meta.name, meta.uid)
        if kubelet is None or not kubelet.healthy or worker is None:
            return {}
        if all(run.state != "running" for run in worker.runs):
            return {}
        used = pod_usage(worker)
        cpu = float(used.cpu)
        if self.traffic is not None and worker.main[0].state == "running":
            most = _headroom(worker)
            cpu += self.traffic.cpu(worker.address, begin, end, most)
        return {"cpu": cpu, "memory": used.memory}

    def _free(self, endpoint: Endpoint) -> float | None:
        """Return what a back-end can give to requests; None if it is gone."""
        pod = endpoint.target_ref
        kubelet = self.kubelets.get(endpoint.node_name or "")
        worker = pod and _worker(kubelet, pod.namespace, pod.name, pod.uid)
        if not worker or worker.main[0].state != "running":
            return None
        return _headroom(worker)


def _worker(
    kubelet: Kubelet | None, namespace: str | None, name: str | None, uid: str | None
) -> Worker | None:
    """Return what a kubelet knows of a pod, unless that is another of its name."""
    if kubelet is None:
        return None
    worker = kubelet.workers.get(f"{namespace}/{name}")
    return worker if worker and worker.pod.metadata.uid == uid else None


def _headroom(worker: Worker) -> float:
    """Return the millicores between what the first container does and its limit."""
    run = worker.main[0]
    limit = run.spec.resources.limits.get("cpu")
    return math.inf if limit is None else _millicores(limit) - run.behaviour.cpu


@functools.cache
def _millicores(quantity: Quantity) -> int:
    return milli_value(quantity)


def _register(wiring: Wiring, delay: float, node: Node) -> None:
    """Let the kubelet of a machine that has booted create its Node until it is there.

    It sends its own identity; the kubelet is up as soon as the Node is seen.
    """
    api = wiring.clients(NODE_PREFIX + node.metadata.name)

    def again(answer: Answer) -> None:
        error = answer.error
        if error is not None and error.reason != "AlreadyExists":
            _register(wiring, min(2 * delay, LONGEST), node)

    wiring.clock.after(delay, api.create, node, again)
