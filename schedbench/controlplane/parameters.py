"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
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
    unanswered
        Seconds until a client gives up a connection over which nothing comes: 30 and
        15, HTTP2_READ_IDLE_TIMEOUT_SECONDS and HTTP2_PING_TIMEOUT_SECONDS in
        `k8s.io/apimachinery/pkg/util/net/http.go`.
    """

    hop: Latency = Latency(0.00025, 0.002)
    unanswered: float = 45.0


# -- etcd: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class EtcdParameters:
    """An etcd cluster.

    Attributes
    ----------
    members
        1, 3, 5 or 7.
    fsync
        A member's log reaching its disk. Source: etcd.io, "FAQ": the 99th percentile
        of wal_fsync_duration_seconds should be below 10 ms; "Performance": an SSD's
        fdatasync often takes less than 1 ms.
    rtt
        Between two members, there and back. Source: etcd.io, "Performance": several
        hundred microseconds within a data centre.
    apply
        Seconds per write that is carried out. Source: etcd.io, "Performance": 50,104
        writes a second, 1,000 clients.
    read
        Seconds per read that is served. Source: the same page: 185,758 serializable
        reads a second.
    append_bytes
        The leader sends at most so much in one append. Source: maxSizePerMsg in
        server/etcdserver/raft.go.
    heartbeat, election
        Seconds; an election timeout is drawn from [1, 2) times `election`. Source:
        flags --heartbeat-interval and --election-timeout; raft's
        resetRandomizedElectionTimeout.
    request_timeout
        Seconds; 5 plus twice the election timeout. Source: ReqTimeout in
        server/config/config.go.
    catch_up
        Bytes a second at which a member that was away gets what it missed. Source:
        etcd.io, "Hardware": a disk of 100 MB/s recovers 1 GB within 15 s.
    quota_bytes
        Source: etcd.io, "System limits": 2 GB by default, at most 8 GB suggested;
        Kubernetes' large clusters run with 8 GB.
    request_bytes, operations
        The most that one transaction may hold. Source: flags --max-request-bytes and
        --max-txn-ops.
    value_bytes
        A value whose size is not told; assumed.
    lease_check, lease_minimum
        Seconds: expired leases are looked for so often, and none is shorter. Source:
        the lessor's runLoop in server/lease/lessor.go; minTTL in
        server/etcdserver/server.go, 1.5 election timeouts in whole seconds.
    watch_sync
        Seconds between rounds in which watches from the past catch up. Source:
        watchResyncPeriod in server/storage/mvcc/watchable_store.go.
    """

    members: int = 3
    fsync: Latency = Latency(0.001, 0.010)
    rtt: Latency = Latency(0.0005, 0.002)
    apply: float = 1 / 50_104
    read: float = 1 / 185_758
    append_bytes: int = 1024 * 1024
    heartbeat: float = 0.1
    election: float = 1.0
    request_timeout: float = 7.0
    catch_up: float = 1e9 / 15
    quota_bytes: int = 8 * 1024**3
    request_bytes: int = 3 * 1024**2 // 2
    operations: int = 128
    value_bytes: int = 2048
    lease_check: float = 0.5
    lease_minimum: float = 2.0
    watch_sync: float = 0.1


# -- etcd: end --


# -- api server: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiServerParameters:
    """The API servers and the watches on them.

    Service times are without the store's. No component's share is published below the
    objectives (SIG Scalability, `slos/api_call_latency.md`: mutating and single reads
    p99 ≤ 1 s, lists ≤ 30 s); the defaults are assumptions far below.

    Attributes
    ----------
    max_requests_inflight, max_mutating_requests_inflight
        Their sum is the seats that the priority levels share
        (kube-apiserver's flags of these names: 400 and 200).
    request_timeout
        Seconds until a call fails (kube-apiserver `--request-timeout`: 60).
    read, mutate
        Service time of a call that reads or writes one object.
    list_item
        Service time of each object of a list or of a watch's beginning, in seconds.
    fan_out
        Time to encode and send one change to one watcher, in seconds.
    watch_event
        From the store's change to the watch cache's dispatch.
    watch_history_seconds, watch_history
        Changes that the watch cache keeps for watches that come again
        (`k8s.io/apiserver/pkg/storage/cacher`: eventFreshDuration 75 s, at most 102,400
        of a kind).
    reconnect, reconnect_jitter
        Seconds until a client whose connection broke tries again, and by how much of
        it more at most (`k8s.io/client-go/tools/cache/reflector.go`: 0.8 and 1).
    """

    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    request_timeout: float = 60.0
    read: Latency = Latency(0.001, 0.01)
    mutate: Latency = Latency(0.002, 0.02)
    list_item: float = 0.00002
    fan_out: float = 0.00002
    watch_event: Latency = Latency(0.0005, 0.005)
    watch_history_seconds: float = 75.0
    watch_history: int = 102_400
    reconnect: float = 0.8
    reconnect_jitter: float = 1.0


UNHINDERED_API_SERVER = ApiServerParameters(
    max_requests_inflight=10**9,
    max_mutating_requests_inflight=10**9,
    read=NOTHING,
    mutate=NOTHING,
    list_item=0.0,
    fan_out=0.0,
    watch_event=NOTHING,
    reconnect=0.0,
)
"""An API server that takes no time and refuses nobody for its load."""


# -- api server: end --


# -- scheduler: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class Scheduler:
    """kube-scheduler's cycle.

    The costs are those that two measurements of kube-scheduler with 5,000 nodes on
    2 cores come to: 1,111 pods/s when it looks at the 500 nodes that adaptive
    sampling wants, 206 pods/s when it filters and scores all 5,000. A straight line
    through both is 461 µs and 0.88 µs per node; what of the latter is filtering
    cannot be told apart, so each is given half.

    Attributes
    ----------
    fixed, per_filtered, per_scored
        Seconds of a cycle: in any case, and for each node filtered and scored.
    assumed_expiry
        Seconds after a binding was acknowledged until an assumed pod that no watch
        confirms is forgotten; upstream's `durationToExpireAssumedPod` is never.
        Source: kubernetes v1.34 pkg/scheduler/scheduler.go.
    qps, burst
        Calls a second and at once of its client; None = no limit. Source:
        clientConnection.qps and .burst of KubeSchedulerConfiguration.
    """

    fixed: float = 461e-6
    per_filtered: float = 0.44e-6
    per_scored: float = 0.44e-6
    assumed_expiry: float = math.inf
    qps: float | None = 50.0
    burst: int = 100


# -- scheduler: end --


# -- workload controllers: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class RetryLimits:
    """How soon a key that failed is tried again: the longer of two waits.

    Source: `DefaultTypedControllerRateLimiter`,
    kubernetes/client-go util/workqueue/default_rate_limiters.go.

    Attributes
    ----------
    base, maximum
        Seconds after a key's first failure, doubled with each more, and at most.
    qps, burst
        Retries of all keys together: a second, and at once.
    """

    base: float = 0.005
    maximum: float = 1000.0
    qps: float = 10.0
    burst: int = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Controllers:
    """What all controllers of kube-controller-manager share.

    Attributes
    ----------
    sync
        Work of one reconciliation besides its calls: it compares copies in memory. An
        assumption; a controller's own `workqueue_work_duration_seconds` would tell it.
    qps, burst
        Calls of each controller's client, a second and at once; watches do not count.
        Source: `--kube-api-qps` 20 and `--kube-api-burst` 30 of
        kube-controller-manager (kubernetes.io/docs/reference/command-line-tools-
        reference/kube-controller-manager).
    retries
        When a key that failed is tried again.
    workers
        Workers by the controller's name; those not named have their flags' defaults.
    """

    sync: Latency = Latency(0.0002, 0.002)
    qps: float = 20.0
    burst: float = 30.0
    retries: RetryLimits = RetryLimits()
    workers: Mapping[str, int] = dataclasses.field(default_factory=dict)


# -- workload controllers: end --


# -- cluster controllers: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeLeaseParameters:
    """How kubelets say that they live; seconds.

    Source: docs.kubernetes.io "Node Status: Heartbeats"; kubelet configuration
    `nodeLeaseDurationSeconds`, `nodeStatusReportFrequency`; the lease is renewed four
    times in its duration (`pkg/kubelet/kubelet.go`, nodeLeaseRenewIntervalFraction).

    Attributes
    ----------
    duration
        How long a lease holds.
    renew_interval
        Between two renewals.
    status_interval
        Between two status reports that say nothing new.
    """

    duration: float = 40.0
    renew_interval: float = 10.0
    status_interval: float = 300.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class LeaderElectionParameters:
    """How replicas choose a leader; seconds.

    Source: flags `--leader-elect-lease-duration`, `-renew-deadline`, `-retry-period`;
    jitter of `k8s.io/client-go/tools/leaderelection` (JitterFactor).

    Attributes
    ----------
    lease_duration
        What a candidate waits after the last renewal it saw.
    renew_deadline
        After which a leader that cannot renew gives up.
    retry_period
        Between two tries of a leader or a candidate.
    jitter
        By what share of it a candidate's retry period may be longer.
    """

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0
    jitter: float = 1.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeLifecycleParameters:
    """When nodes count as lost, and how fast they are emptied.

    Source: kube-controller-manager's flags of the same names (v1.34).

    Attributes
    ----------
    node_monitor_period
        Seconds between two looks at all nodes.
    node_monitor_grace_period
        Seconds without a heartbeat until Ready is Unknown: 50 since v1.32, 40 before.
    node_startup_grace_period
        The same for a node that has not reported yet, in seconds.
    node_eviction_rate
        Nodes of a healthy zone tainted NoExecute, per second.
    secondary_node_eviction_rate
        The same in an unhealthy zone of a large cluster.
    unhealthy_zone_threshold
        Share of nodes not ready (and at least three) that makes a zone unhealthy.
    large_cluster_size_threshold
        Zones of at most so many nodes are not emptied at all when unhealthy.
    """

    node_monitor_period: float = 5.0
    node_monitor_grace_period: float = 50.0
    node_startup_grace_period: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    unhealthy_zone_threshold: float = 0.55
    large_cluster_size_threshold: int = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodGcParameters:
    """When pods are swept up.

    Source: `pkg/controller/podgc/gc_controller.go` (gcCheckPeriod, quarantineTime);
    flag `--terminated-pod-gc-threshold`.

    Attributes
    ----------
    period
        Seconds between two sweeps.
    quarantine
        Seconds that a node must be gone before its pods are orphans.
    terminated_pod_threshold
        How many finished pods are kept; 0 keeps all.
    """

    period: float = 20.0
    quarantine: float = 40.0
    terminated_pod_threshold: int = 12_500


@dataclasses.dataclass(frozen=True, kw_only=True)
class EndpointSliceParameters:
    """How services' back-ends are written down.

    Source: flags `--max-endpoints-per-slice`, `--endpointslice-updates-batch-period`.

    Attributes
    ----------
    max_endpoints_per_slice
        At most so many in one slice.
    updates_batch_period
        Seconds that changes of pods wait for more of them.
    """

    max_endpoints_per_slice: int = 100
    updates_batch_period: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class DisruptionParameters:
    """How disruption budgets are kept.

    Source: `pkg/controller/disruption/disruption.go` (DeletionTimeout).

    Attributes
    ----------
    deletion_timeout
        Seconds after which an evicted pod that is still there counts again.
    """

    deletion_timeout: float = 120.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class HorizontalAutoscalingParameters:
    """When and how much workloads are scaled.

    Source: flags `--horizontal-pod-autoscaler-sync-period`, `-tolerance`,
    `-downscale-stabilization`, `-cpu-initialization-period`,
    `-initial-readiness-delay`.

    Attributes
    ----------
    sync_period
        Seconds between two looks at an autoscaler.
    tolerance
        How far from 1 the ratio of metric to target may be.
    downscale_stabilization
        Seconds over which the highest recommendation counts when scaling down.
    cpu_initialization_period
        Seconds after its start in which a pod's cpu counts only while it is ready.
    initial_readiness_delay
        Seconds in which a pod that was never ready is taken as starting.
    """

    sync_period: float = 15.0
    tolerance: float = 0.1
    downscale_stabilization: float = 300.0
    cpu_initialization_period: float = 300.0
    initial_readiness_delay: float = 30.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterAutoscalingParameters:
    """When nodes are added and taken away.

    Source: cluster-autoscaler's FAQ and flags `--scan-interval`, `--expander`,
    `--scale-down-unneeded-time`, `--scale-down-utilization-threshold`,
    `--scale-down-delay-after-add`, `--max-node-provision-time`.

    Attributes
    ----------
    scan_interval
        Seconds between two looks while there is something to do.
    expander
        Which of the pools that help grows.
    scale_down_unneeded_time
        Seconds that a node must be unneeded before it goes.
    scale_down_utilization_threshold
        Below this share of cpu and memory requested a node may be unneeded.
    scale_down_delay_after_add
        Seconds after a scale-up in which no node goes.
    max_node_provision_time
        Seconds after which a node that did not come is given up.
    """

    scan_interval: float = 10.0
    expander: Literal["least-waste", "most-pods", "random"] = "least-waste"
    scale_down_unneeded_time: float = 600.0
    scale_down_utilization_threshold: float = 0.5
    scale_down_delay_after_add: float = 600.0
    max_node_provision_time: float = 900.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterControllerParameters:
    """Controllers that keep the cluster rather than its workloads."""

    node_leases: NodeLeaseParameters = NodeLeaseParameters()
    leader_election: LeaderElectionParameters = LeaderElectionParameters()
    node_lifecycle: NodeLifecycleParameters = NodeLifecycleParameters()
    pod_gc: PodGcParameters = PodGcParameters()
    endpoint_slice: EndpointSliceParameters = EndpointSliceParameters()
    disruption: DisruptionParameters = DisruptionParameters()
    horizontal_autoscaling: HorizontalAutoscalingParameters = (
        HorizontalAutoscalingParameters()
    )
    cluster_autoscaling: ClusterAutoscalingParameters = ClusterAutoscalingParameters()


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
"""Estimates: no published study was found that times the CRI's calls one by one."""

CRI_O = RuntimeProfile(
    run_pod_sandbox=Latency(0.15, 0.45),
    create_start=Latency(0.18, 0.5),
    stop_container=Latency(0.04, 0.15),
    remove_pod_sandbox=Latency(0.06, 0.25),
)
"""Estimates: those of containerd, slower by a quarter."""

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
    scheduler: Scheduler = Scheduler()
    api_server: ApiServerParameters = ApiServerParameters()
    etcd: EtcdParameters = EtcdParameters()
    cluster_controllers: ClusterControllerParameters = ClusterControllerParameters()
    controllers: Controllers = Controllers()
    dns: DnsParameters = DnsParameters()
    metrics_server: MetricsServerParameters = MetricsServerParameters()
    ingress: IngressParameters = IngressParameters()
    runtime: RuntimeProfile = CONTAINERD
    images: Images = Images()
    kubelet: Kubelet = dataclasses.field(default_factory=Kubelet)
    pod_network: PodNetwork = PodNetwork()
    proxy: Proxy = dataclasses.field(default_factory=Proxy)


NO_LATENCY = Parameters(
    network=Network(hop=NOTHING),
    scheduler=Scheduler(fixed=0.0, per_filtered=0.0, per_scored=0.0, qps=None),
    api_server=UNHINDERED_API_SERVER,
    etcd=EtcdParameters(
        fsync=NOTHING,
        rtt=NOTHING,
        apply=0.0,
        read=0.0,
        append_bytes=sys.maxsize,
        heartbeat=0.0,
        election=0.0,
        catch_up=math.inf,
        quota_bytes=sys.maxsize,
        request_bytes=sys.maxsize,
        operations=sys.maxsize,
        lease_check=0.0,
        watch_sync=0.0,
    ),
    controllers=Controllers(sync=NOTHING, qps=math.inf, burst=math.inf),
    dns=DnsParameters(ttl=0.0, cache=0.0),
    ingress=IngressParameters(sync_qps=0.0, sync=NOTHING),
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
