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


NO_LATENCY = Parameters(network=Network(hop=NOTHING))
