"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

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
@dataclasses.dataclass(frozen=True, kw_only=True)
class RuntimeProfile:
    """How long the calls of a container runtime take, runc underneath.

    Attributes
    ----------
    run_pod_sandbox
        Namespaces and the pause container, without the network.
    create_start
        CreateContainer and StartContainer together.
    stop_container
        From the end of the process to the end of the call.
    remove_pod_sandbox
        Taking the sandbox away, with its network.
    parallel
        Calls that a node works on at once; an estimate of what its disk and runc do.
    """

    run_pod_sandbox: Latency
    create_start: Latency
    stop_container: Latency
    remove_pod_sandbox: Latency
    parallel: int = 8


CONTAINERD = RuntimeProfile(
    run_pod_sandbox=Latency(0.12, 0.35),
    create_start=Latency(0.14, 0.4),
    stop_container=Latency(0.03, 0.12),
    remove_pod_sandbox=Latency(0.05, 0.2),
)
"""Estimates of the order that Espe et al., "Performance Evaluation of Container
Runtimes" (CLOSER 2020), and Kuasar's boot-time report give for containerd on runc."""

CRI_O = RuntimeProfile(
    run_pod_sandbox=Latency(0.15, 0.45),
    create_start=Latency(0.18, 0.5),
    stop_container=Latency(0.04, 0.15),
    remove_pod_sandbox=Latency(0.06, 0.25),
)
"""Estimates: containerd's, slower by a quarter, as the same paper orders the two."""

DOCKER = RuntimeProfile(
    run_pod_sandbox=Latency(0.2, 0.6),
    create_start=Latency(0.26, 0.75),
    stop_container=Latency(0.06, 0.25),
    remove_pod_sandbox=Latency(0.09, 0.35),
)
"""Estimates: cri-dockerd adds a hop and dockerd to each call; kubernetes.io's blog
"Kubernetes Containerd Integration Goes GA" shows pods start slower through Docker."""

RUNTIMES: dict[str, RuntimeProfile] = {
    "containerd": CONTAINERD,
    "cri-o": CRI_O,
    "docker": DOCKER,
}
"""Name → profile."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Images:
    """How images come to nodes.

    Attributes
    ----------
    node_bandwidth
        Bytes per second that a node can pull; an estimate: half of 1 Gbit/s.
    registry_bandwidth
        Bytes per second that the registry gives to the whole cluster; ∞ = no cap.
    unpack_bandwidth
        Compressed bytes per second that a node unpacks; an estimate.
    manifest
        Asking the registry for a manifest; an estimate.
    serialize
        `serializeImagePulls`: one pull at a time on a node (kubelet's default).
    max_parallel
        `maxParallelImagePulls` when not serial; None = any number.
    gc_high, gc_low
        `imageGCHighThresholdPercent` 85 and `imageGCLowThresholdPercent` 80.
    gc_period
        Between two looks at the disk: 5 min (`ImageGCPeriod`, pkg/kubelet/kubelet.go).
    gc_min_age
        `imageMinimumGCAge`: 2 min.
    disk
        Bytes of a node's disk that does not name `ephemeral-storage`.
    reported
        `nodeStatusMaxImages`: 50.
    """

    node_bandwidth: float = 62.5e6
    registry_bandwidth: float = math.inf
    unpack_bandwidth: float = 100e6
    manifest: Latency = Latency(0.15, 0.6)
    serialize: bool = True
    max_parallel: int | None = None
    gc_high: float = 0.85
    gc_low: float = 0.80
    gc_period: float = 300.0
    gc_min_age: float = 120.0
    disk: int = 100 * 2**30
    reported: int = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kubelet:
    """The agent of a node.

    Source of defaults: kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1,
    unless another is named.

    Attributes
    ----------
    qps, burst
        `kubeAPIQPS` 50 and `kubeAPIBurst` 100.
    volumes
        Until the pod's volumes are mounted; an estimate over the volume manager's loop
        of 100 ms (pkg/kubelet/volumemanager).
    relist_period
        The pod lifecycle event generator looks at the runtime once a second
        (`genericPlegRelistPeriod`, pkg/kubelet/kubelet.go).
    status_period
        `nodeStatusUpdateFrequency`: 10 s.
    back_off, max_back_off
        Restarts and failed pulls: 10 s, doubling to 5 min; forgotten after twice that
        (kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle).
    sandbox_retry
        Before a sandbox that failed is tried again (`backOffPeriod`, 10 s).
    max_pods
        `maxPods`: 110, where the node's status does not say.
    eviction_hard, eviction_soft
        Signal → least amount available: a share of the whole below 1, else an amount.
    eviction_soft_grace
        Signal → seconds for which a soft threshold must be crossed.
    eviction_max_pod_grace
        `evictionMaxPodGracePeriod`, for soft evictions.
    eviction_period
        Between two looks at the signals: 10 s (`evictionMonitoringPeriod`).
    pressure_transition
        `evictionPressureTransitionPeriod`: 5 min.
    process_ids
        Process ids of a node (Linux' default `pid_max`).
    shutdown_grace
        `shutdownGracePeriodByPodPriority`: (least priority, seconds), ascending.
    """

    qps: float = 50.0
    burst: int = 100
    volumes: Latency = Latency(0.1, 0.4)
    relist_period: float = 1.0
    status_period: float = 10.0
    back_off: float = 10.0
    max_back_off: float = 300.0
    sandbox_retry: float = 10.0
    max_pods: int = 110
    eviction_hard: Mapping[str, float] = dataclasses.field(
        default_factory=lambda: {
            "memory.available": 100 * 2**20,
            "nodefs.available": 0.10,
            "imagefs.available": 0.15,
        }
    )
    eviction_soft: Mapping[str, float] = dataclasses.field(default_factory=dict)
    eviction_soft_grace: Mapping[str, float] = dataclasses.field(default_factory=dict)
    eviction_max_pod_grace: float = 0.0
    eviction_period: float = 10.0
    pressure_transition: float = 300.0
    process_ids: int = 32768
    shutdown_grace: Sequence[tuple[int, float]] = ((0, 20.0), (2_000_000_000, 10.0))


# -- kubelet and runtime: end --


# -- network and proxy: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class PodNetwork:
    """The network of pods.

    Attributes
    ----------
    attach
        The CNI plugin's ADD; an estimate for a bridge or an overlay on one node.
    cluster_cidr
        The addresses of all pods.
    node_mask
        `--node-cidr-mask-size` of kube-controller-manager: 24 for IPv4.
    """

    attach: Latency = Latency(0.05, 0.3)
    cluster_cidr: str = "10.0.0.0/8"
    node_mask: int = 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxyCost:
    """What one synchronization of the rules of a node takes, in seconds.

    Attributes
    ----------
    base
        Whatever the size.
    service, endpoint
        For each one that exists.
    changed
        For each endpoint of the services that changed.
    """

    base: float
    service: float = 0.0
    endpoint: float = 0.0
    changed: float = 0.0


PROXY_COSTS: dict[str, ProxyCost] = {
    "iptables": ProxyCost(base=0.03, service=20e-6, changed=20e-6),
    "nftables": ProxyCost(base=0.02, service=2e-6, changed=20e-6),
    "ipvs": ProxyCost(base=0.05, service=10e-6, endpoint=2e-6, changed=0.002),
    "userspace": ProxyCost(base=0.02, service=0.001, changed=0.001),
}
"""Estimates around what is published. iptables: since v1.28 only the chains of changed
services are restored, yet the services are walked (KEP-3453). nftables: cost of what
changed (kubernetes.io blog, 28 February 2025). ipvs: 2 ms a rule at 5,000 and at 20,000
services (Xie and Hoole, "Scaling Kubernetes to Support 50,000 Services", KubeCon 2017).
userspace: an iptables rule and a listener for each service."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proxy:
    """kube-proxy on all nodes.

    Attributes
    ----------
    mode
        `--proxy-mode`: iptables, ipvs, nftables or userspace.
    costs
        Mode → what a synchronization takes.
    min_sync_period
        `minSyncPeriod`: 1 s (pkg/proxy/apis/config/v1alpha1/defaults.go).
    spread
        How much later a node is than the first one; an estimate.
    share
        Share of the nodes that must route to a pod for it to be called routable.
    """

    mode: str = "iptables"
    costs: Mapping[str, ProxyCost] = dataclasses.field(
        default_factory=lambda: PROXY_COSTS
    )
    min_sync_period: float = 1.0
    spread: Latency = Latency(0.02, 0.25)
    share: float = 0.99


# -- network and proxy: end --


# -- add-ons: begin --
# -- add-ons: end --


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters:
    """All of them."""

    network: Network = Network()
    runtime: RuntimeProfile = CONTAINERD
    images: Images = Images()
    kubelet: Kubelet = dataclasses.field(default_factory=Kubelet)
    pod_network: PodNetwork = PodNetwork()
    proxy: Proxy = dataclasses.field(default_factory=Proxy)


NO_LATENCY = Parameters(
    network=Network(hop=NOTHING),
    runtime=RuntimeProfile(
        run_pod_sandbox=NOTHING,
        create_start=NOTHING,
        stop_container=NOTHING,
        remove_pod_sandbox=NOTHING,
        parallel=2**31,
    ),
    images=Images(
        node_bandwidth=math.inf,
        unpack_bandwidth=math.inf,
        manifest=NOTHING,
        serialize=False,
    ),
    kubelet=Kubelet(qps=math.inf, volumes=NOTHING, relist_period=0.0),
    pod_network=PodNetwork(attach=NOTHING),
    proxy=Proxy(
        costs={mode: ProxyCost(base=0.0) for mode in PROXY_COSTS},
        min_sync_period=0.0,
        spread=NOTHING,
    ),
)
