"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses

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
    api_server: ApiServerParameters = ApiServerParameters()


NO_LATENCY = Parameters(
    network=Network(hop=NOTHING),
    api_server=UNHINDERED_API_SERVER,
)
