"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

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
    controllers: Controllers = Controllers()


NO_LATENCY = Parameters(
    network=Network(hop=NOTHING),
    controllers=Controllers(sync=NOTHING, qps=math.inf, burst=math.inf),
)
