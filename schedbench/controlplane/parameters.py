"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses
import math
import sys

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
    p99 ≤ 1 s, lists ≤ 30 s); the defaults are a thousandth to a hundredth of them.

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
# -- workload controllers: end --


# -- cluster controllers: begin --
# -- cluster controllers: end --


# -- kubelet and runtime: begin --
# -- kubelet and runtime: end --


# -- network and proxy: begin --
# -- network and proxy: end --


# -- add-ons: begin --
# -- add-ons: end --


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters:
    """All of them."""

    network: Network = Network()
    scheduler: Scheduler = Scheduler()
    api_server: ApiServerParameters = ApiServerParameters()
    etcd: EtcdParameters = EtcdParameters()


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
)
