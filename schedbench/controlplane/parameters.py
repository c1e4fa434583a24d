"""Every latency and capacity of the cluster, with the published source of its default.

`NO_LATENCY` takes no time anywhere: with it a cluster places as a replay does.
"""

from __future__ import annotations

import dataclasses
import math

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
    """

    fixed: float = 461e-6
    per_filtered: float = 0.44e-6
    per_scored: float = 0.44e-6
    assumed_expiry: float = math.inf


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


NO_LATENCY = Parameters(
    network=Network(hop=NOTHING),
    scheduler=Scheduler(fixed=0.0, per_filtered=0.0, per_scored=0.0),
)
