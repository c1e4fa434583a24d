"""Every latency and capacity of the cluster, with the published source of its default.

Where nothing is published the text says that the default is an assumption, and why it
is what it is. Paths without a repository are those of kubernetes/kubernetes; flags and
fields have the defaults of v1.34.

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
        One way between a component and an API server: an assumption, half of a round
        trip within a data centre (several hundred microseconds. Source: etcd.io,
        "Performance").
    unanswered
        Seconds until a client gives up a connection over which nothing comes: 30 and
        15, HTTP2_READ_IDLE_TIMEOUT_SECONDS and HTTP2_PING_TIMEOUT_SECONDS in
        `k8s.io/apimachinery/pkg/util/net/http.go`.
        Seconds until a client gives up a connection over which nothing comes. Source:
        HTTP2_READ_IDLE_TIMEOUT_SECONDS, 30, and HTTP2_PING_TIMEOUT_SECONDS, 15, in
        k8s.io/apimachinery/pkg/util/net/http.go.
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
        1, 3, 5 or 7. Source: etcd.io, "FAQ: What is maximum cluster size?": no more
        than seven; three by kubeadm's page on highly available clusters
        (kubernetes.io/docs/setup/production-environment/tools/kubeadm).
    fsync
        A member's log reaching its disk. Source: etcd.io, "FAQ": the 99th percentile
        of wal_fsync_duration_seconds should be below 10 ms; "Performance": an SSD's
        fdatasync often takes less than 1 ms.
    rtt
        Between two members, there and back. Source: etcd.io, "Performance": several
        hundred microseconds within a data centre. The 99th percentile is an assumption.
    apply
        Seconds per write that is carried out. Source: etcd.io, "Performance": 50,104
        writes a second, 1,000 clients.
    read
        Seconds per read that is served. Source: etcd.io, "Performance": 185,758
        serializable reads a second.
    append_bytes
        The leader sends at most so much in one append. Source: etcd-io/etcd,
        maxSizePerMsg in server/etcdserver/raft.go.
    heartbeat, election
        Seconds; an election timeout is drawn from [1, 2) times `election`. Source:
        flags --heartbeat-interval and --election-timeout; raft's
        resetRandomizedElectionTimeout.
    request_timeout
        Seconds; 5 plus twice the election timeout. Source: etcd-io/etcd, ReqTimeout in
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
        A value whose size is not told: an assumption, a pod with its managed fields.
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

    Service times are without the store's.

    Attributes
    ----------
    max_requests_inflight, max_mutating_requests_inflight
        Their sum is the seats that the priority levels share. Source: flags
        `--max-requests-inflight` and `--max-mutating-requests-inflight`.
    request_timeout
        Seconds until a call fails. Source: flag `--request-timeout`.
    read, mutate
        Service time of a call that reads or writes one object: an assumption. What is
        published is the objective alone, for the whole call under load (SIG
        Scalability, `slos/api_call_latency.md`: p99 ≤ 1 s); decoding, admission and
        encoding of one object take a millisecond or two of a processor.
    list_item
        Service time of each object of a list or of a watch's beginning, in seconds: an
        assumption, encoding about 2 kB; 100,000 pods are 2 s of the 30 s of the
        objective.
    fan_out
        Time to encode and send one change to one watcher, in seconds: an assumption,
        as `list_item`.
    watch_event
        From the store's change to the watch cache's dispatch: an assumption, a message
        within a data centre and a decoding.
    watch_history_seconds, watch_history
        Changes that the watch cache keeps for watches that come again. Source:
        eventFreshDuration and defaultUpperBoundCapacity in
        k8s.io/apiserver/pkg/storage/cacher.
    compaction_interval
        Seconds after which etcd may forget what was before a write. Source: flag
        `--etcd-compaction-interval`.
    reconnect, reconnect_jitter
        Seconds until a client whose connection broke tries again, and by how much of
        it more at most; it does not grow here. Source: the backoff manager in
        k8s.io/client-go/tools/cache/reflector.go.
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
    compaction_interval: float = 300.0
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
    compaction_interval=math.inf,
    reconnect=0.0,
)
"""An API server that takes no time and refuses nobody for its load."""


# -- api server: end --


# -- scheduler: begin --
@dataclasses.dataclass(frozen=True, kw_only=True)
class Scheduler:
    """kube-scheduler's cycle.

    Attributes
    ----------
    fixed, per_filtered, per_scored
        Seconds of a cycle: in any case, and for each node filtered and scored. Source:
        two measurements of kube-scheduler with 5,000 nodes on 2 cores, 1,111
        pods/s when it looks at the 500 nodes that adaptive sampling wants and 206 when
        it filters and scores all 5,000 (`scheduler_perf`). A straight line through both
        is 461 µs and 0.88 µs per node; that filtering is half of it is an assumption.
    assumed_expiry
        Seconds after a binding was acknowledged until an assumed pod that no watch
        confirms is forgotten; never. Source: durationToExpireAssumedPod in
        pkg/scheduler/scheduler.go.
    qps, burst
        Calls a second and at once of its client; None = no limit. Source:
        `clientConnection` of kubernetes.io/docs/reference/config-api/
        kube-scheduler-config.v1.
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

    Source: DefaultTypedControllerRateLimiter in
    k8s.io/client-go/util/workqueue/default_rate_limiters.go.

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
        When a key that failed is tried again; each limit of it has its source.
        Source: `RetryLimits`.
    workers
        Workers by the controller's name; those not named have their flags' defaults.
        Source: flags `--concurrent-*-syncs`.
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
    times in its duration (nodeLeaseRenewIntervalFraction in pkg/kubelet/kubelet.go).

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

    Source: flags `--node-monitor-period`, `--node-monitor-grace-period`,
    `--node-startup-grace-period`, `--node-eviction-rate`,
    `--secondary-node-eviction-rate`, `--unhealthy-zone-threshold`,
    `--large-cluster-size-threshold` of kube-controller-manager.

    Attributes
    ----------
    node_monitor_period
        Seconds between two looks at all nodes.
    node_monitor_grace_period
        Seconds without a heartbeat until Ready is Unknown: 50 since v1.32, 40 before
        (and still on some pages).
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

    Source: gcCheckPeriod and quarantineTime in pkg/controller/podgc/gc_controller.go;
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
class EndpointsParameters:
    """How a service's back-ends are written down in one object.

    Attributes
    ----------
    max_addresses
        At most so many. Source: maxCapacity in
        `pkg/controller/endpoint/endpoints_controller.go`.
    updates_batch_period
        Seconds that changes of pods wait for more of them. Source: flag
        `--endpoint-updates-batch-period`.
    """

    max_addresses: int = 1000
    updates_batch_period: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class DisruptionParameters:
    """How disruption budgets are kept.

    Source: DeletionTimeout in pkg/controller/disruption/disruption.go.

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
    `--scale-down-delay-after-add`, `--max-node-provision-time`
    (kubernetes/autoscaler cluster-autoscaler/config/flags/flags.go).

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
    endpoints: EndpointsParameters = EndpointsParameters()
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

    All profiles are assumptions: no figures were found for the CRI's calls one by one
    on a machine of today. What bounds them is the objective of SIG Scalability (pod
    startup p99 ≤ 5 s with images pulled, `slos/pod_startup_latency.md`); a kubelet
    tells its own in `kubelet_runtime_operations_duration_seconds`.

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
        Calls that a node works on at once: an assumption about its disk and runc.
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
"""An assumption: some hundred milliseconds from sandbox to process."""

CRI_O = RuntimeProfile(
    run_pod_sandbox=Latency(0.15, 0.45),
    create_start=Latency(0.18, 0.5),
    stop_container=Latency(0.04, 0.15),
    remove_pod_sandbox=Latency(0.06, 0.25),
)
"""An assumption: as containerd, slower by a quarter. Source of the order: Espe, Jindal,
Podolskiy and Gerndt, "Performance Evaluation of Container Runtimes" (CLOSER 2020)."""

DOCKER = RuntimeProfile(
    run_pod_sandbox=Latency(0.2, 0.6),
    create_start=Latency(0.26, 0.75),
    stop_container=Latency(0.06, 0.25),
    remove_pod_sandbox=Latency(0.09, 0.35),
)
"""An assumption: cri-dockerd adds a hop and dockerd to each call. Source of the order:
kubernetes.io's blog, "Kubernetes Containerd Integration Goes GA": pods start slower
through Docker."""

RUNTIMES: dict[str, RuntimeProfile] = {
    "containerd": CONTAINERD,
    "cri-o": CRI_O,
    "docker": DOCKER,
}
"""Name → profile."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Images:
    """How images come to nodes.

    Fields of KubeletConfiguration have the defaults of
    pkg/kubelet/apis/config/v1beta1/defaults.go.

    Attributes
    ----------
    node_bandwidth
        Bytes per second that a node can pull: an assumption, half of 1 Gbit/s.
    registry_bandwidth
        Bytes per second that the registry gives to the whole cluster: an assumption,
        ∞ = no cap.
    unpack_bandwidth
        Compressed bytes per second that a node unpacks: an assumption, one core that
        decompresses gzip.
    manifest
        Asking the registry for a manifest: an assumption, two requests over the
        internet, for the token and for the manifest.
    serialize
        One pull at a time on a node. Source: `serializeImagePulls`.
    max_parallel
        Pulls at once when not serial; None = any number. Source:
        `maxParallelImagePulls`.
    gc_high, gc_low
        Shares of the disk. Source: `imageGCHighThresholdPercent` and
        `imageGCLowThresholdPercent`.
    gc_period
        Seconds between two looks at the disk. Source: ImageGCPeriod in
        pkg/kubelet/kubelet.go.
    gc_min_age
        Seconds that an unused image stays. Source: `imageMinimumGCAge`.
    disk
        Bytes of a node's disk that does not name `ephemeral-storage`: an assumption.
    reported
        Images in a node's status, at most. Source: `nodeStatusMaxImages`.
    sizes
        Image → compressed bytes, of images whose size is known; those of others are
        an assumption, drawn from their names.
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
    sizes: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kubelet:
    """The agent of a node.

    Fields of KubeletConfiguration are those of
    kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1.

    Attributes
    ----------
    qps, burst
        Calls a second and at once. Source: `kubeAPIQPS` and `kubeAPIBurst`.
    volumes
        Until the pod's volumes are mounted: an assumption over the volume manager's
        loop of 100 ms (reconcilerLoopSleepPeriod in pkg/kubelet/volumemanager).
    relist_period
        Seconds between two looks at the runtime. Source: genericPlegRelistPeriod in
        pkg/kubelet/kubelet.go.
    status_period
        Seconds between two looks at the node's own status. Source:
        `nodeStatusUpdateFrequency`.
    back_off, max_back_off
        Seconds before restarts and pulls that failed, doubling from the first to the
        second; forgotten after twice that. Source:
        kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle.
    sandbox_retry
        Seconds before a sandbox that failed is tried again. Source: backOffPeriod in
        pkg/kubelet/kubelet.go.
    max_pods
        Where the node's status does not say. Source: `maxPods`.
    eviction_hard, eviction_soft
        Signal → least amount available: a share of the whole below 1, else an amount.
        Source: `evictionHard` (that for inodes is not modelled) and `evictionSoft`.
    eviction_soft_grace
        Signal → seconds for which a soft threshold must be crossed. Source:
        `evictionSoftGracePeriod`.
    eviction_max_pod_grace
        Seconds, for soft evictions. Source: `evictionMaxPodGracePeriod`.
    eviction_period
        Seconds between two looks at the signals. Source: evictionMonitoringPeriod in
        pkg/kubelet/kubelet.go.
    pressure_transition
        Seconds for which pressure is reported at least. Source:
        `evictionPressureTransitionPeriod`.
    process_ids
        Process ids of a node: an assumption, the kernel's `pid_max` of a small machine
        (docs.kernel.org, "Documentation for /proc/sys/kernel").
    shutdown_grace
        (Least priority, seconds), ascending; an assumption, the example of
        kubernetes.io/docs/concepts/cluster-administration/node-shutdown: 30 s, of which
        10 s are for critical pods. Unless set, kubelets do not shut down gracefully.
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
        The CNI plugin's ADD: an assumption for a bridge or an overlay on one node.
    cluster_cidr
        The addresses of all pods: an assumption, the largest private range.
    node_mask
        Source: flag `--node-cidr-mask-size` of kube-controller-manager, for IPv4.
    """

    attach: Latency = Latency(0.05, 0.3)
    cluster_cidr: str = "10.0.0.0/8"
    node_mask: int = 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProxyCost:
    """What one synchronization of the rules of a node takes, in seconds.

    All costs are assumptions around what is published: see `PROXY_COSTS`.

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
"""Assumptions around what is published. iptables: since v1.28 only the chains of
changed services are restored, yet the services are walked (KEP-3453). nftables: cost of
what changed (kubernetes.io blog, 28 February 2025). ipvs: 2 ms a rule at 5,000 and at
20,000 services (Xie and Hoole, "Scaling Kubernetes to Support 50,000 Services", KubeCon
2017). userspace: an iptables rule and a listener for each service."""


MIN_SYNC_PERIODS = {"iptables": 1.0, "nftables": 1.0, "ipvs": 0.0, "userspace": 1.0}
"""Mode → `minSyncPeriod`. Source: pkg/proxy/apis/config/v1alpha1/defaults.go."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proxy:
    """kube-proxy on all nodes.

    Attributes
    ----------
    mode
        iptables, ipvs, nftables or userspace (until v1.25). Source: flag
        `--proxy-mode`, on Linux.
    costs
        Mode → what a synchronization takes: assumptions, see `PROXY_COSTS`.
    min_sync_period
        Seconds from one synchronization's beginning to the next one's, at least; None
        for the mode's own. Source: `MIN_SYNC_PERIODS`.
    spread
        How much later a node is than the first one: an assumption.
    share
        Share of the nodes that must route to a pod for it to be called routable.
        Source: SIG Scalability, `slos/network_programming_latency.md`: the 99th
        percentile over all of them.
    """

    mode: str = "iptables"
    costs: Mapping[str, ProxyCost] = dataclasses.field(
        default_factory=lambda: PROXY_COSTS
    )
    min_sync_period: float | None = None
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
        The cluster's domain. Source: `dnsDomain` of kubeadm's ClusterConfiguration.
    ttl
        Seconds for which its answers hold; the plugin's own default is 5. Source:
        cluster/addons/dns/coredns/coredns.yaml.base.
    cache
        Most seconds that an answer stays in its cache. Source: the same file,
        coredns.yaml.base.
    pods
        Whether names of pods resolve: if the namespace is there, or if a pod has the
        address. Source: the same file, coredns.yaml.base.
    """

    zone: str = "cluster.local"
    ttl: float = 30.0
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
        Seconds between the kubelet's own readings. Source:
        defaultHousekeepingInterval in pkg/kubelet/cadvisor/cadvisor_linux.go.
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
        From a sync to traffic: its workers look for new endpoints each second
        (BACKENDS_SYNC_INTERVAL), so half a second in the middle. Source:
        kubernetes/ingress-nginx, rootfs/etc/nginx/lua/balancer.lua.
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
    images: Images = dataclasses.field(default_factory=Images)
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
