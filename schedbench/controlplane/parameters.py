"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from schedbench.controlplane.latency import Latency

NOTHING = Latency(0.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """Between components.

    Attributes
    ----------
    hop
        One way between a component and an API server, in one data centre.
    """

    hop: Latency = Latency(0.00025, 0.002)


# -- etcd: begin --
# -- etcd: end --


# -- api server: begin --
# -- api server: end --


# -- scheduler: begin --
# -- scheduler: end --


# -- workload controllers: begin --
# -- workload controllers: end --


# -- cluster controllers: begin --
# -- cluster controllers: end --


# -- kubelet and runtime: begin --
# -- kubelet and runtime: end --


# -- network and proxy: begin --
# -- network and proxy: end --


# -- add-ons: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class DnsParameters:
    """CoreDNS.

    Attributes
    ----------
    zone
        The cluster's domain.
    ttl
        Seconds for which its answers hold. Source: coredns.io/plugins/kubernetes.
    cache
        Most seconds that an answer stays in its cache. Source: kubernetes/kubernetes,
        cluster/addons/dns/coredns/coredns.yaml.base.
    pods
        Whether names of pods resolve: if the namespace is there, or if a pod has the
        address. Source: the same file.
    """

    zone: str = "cluster.local"
    ttl: float = 5.0
    cache: float = 30.0
    pods: Literal["disabled", "insecure", "verified"] = "insecure"


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetricsServerParameters:
    """Metrics server.

    Attributes
    ----------
    resolution
        Seconds between scrapes (`--metric-resolution`). Source:
        kubernetes-sigs/metrics-server, manifests/base/deployment.yaml.
    housekeeping
        Seconds between the kubelet's own readings. Source: kubernetes/kubernetes,
        pkg/kubelet/cadvisor/cadvisor_linux.go (defaultHousekeepingInterval).
    """

    resolution: float = 15.0
    housekeeping: float = 10.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class IngressParameters:
    """An ingress controller.

    Attributes
    ----------
    sync_qps
        Most syncs a second (`--sync-rate-limit`); 0 = unlimited. Source:
        kubernetes/ingress-nginx, docs/user-guide/cli-arguments.md.
    sync
        From a sync to traffic: its workers look for new endpoints each second.
        Source: kubernetes/ingress-nginx, rootfs/etc/nginx/lua/balancer.lua.
    """

    sync_qps: float = 0.3
    sync: Latency = Latency(0.5, 1.0)


# -- add-ons: end --


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters:
    """All of them."""

    network: Network = Network()
    dns: DnsParameters = DnsParameters()
    metrics_server: MetricsServerParameters = MetricsServerParameters()
    ingress: IngressParameters = IngressParameters()


NO_LATENCY = Parameters(
    network=Network(hop=NOTHING),
    dns=DnsParameters(ttl=0.0, cache=0.0),
    ingress=IngressParameters(sync_qps=0.0, sync=NOTHING),
)
