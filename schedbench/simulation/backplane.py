"""What stands between the components: etcd, the API servers, a client for each user."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from schedbench.clock import Clock
from schedbench.controlplane.api import Api
from schedbench.controlplane.apiserver import ApiServers
from schedbench.controlplane.authorization import MASTERS, NODE_PREFIX, NODES, User
from schedbench.controlplane.client import Client
from schedbench.controlplane.etcd import Etcd
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod import Pod
from schedbench.simulation.first_state import snapshot_of

Stamp = Callable[[Pod, str], None]
SERVICE_ACCOUNT = "system:serviceaccount:"


class Backplane:
    """The API as the components of one cluster share it.

    Parameters
    ----------
    stamp
        Told of the hops of each pod.
    items
        What is stored when the run begins.
    replicas
        How many API servers.

    Attributes
    ----------
    etcd, servers
        The store and the API servers.
    """

    def __init__(
        self,
        clock: Clock,
        parameters: Parameters,
        seed: int,
        stamp: Stamp,
        items: Iterable[KubernetesObject] = (),
        *,
        replicas: int = 1,
    ) -> None:
        snapshot = snapshot_of(items, parameters.etcd, seed, clock.now)
        self.etcd = Etcd(clock, parameters.etcd, seed, snapshot)
        self.servers = ApiServers(
            clock,
            self.etcd,
            parameters.api_server,
            seed,
            replicas,
            network=parameters.network,
            stamp=stamp,
        )

    def __call__(
        self, user: str, qps: float | None = None, burst: int | None = None
    ) -> Api:
        """Return a client for a user; one that is no component may do everything."""
        groups: tuple[str, ...] = (MASTERS,)
        if user.startswith(NODE_PREFIX):
            groups = (NODES,)
        elif user.startswith("system:"):
            groups = ()
        return Client(self.servers, User(user, groups), qps=qps, burst=burst)
