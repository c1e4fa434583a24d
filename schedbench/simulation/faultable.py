"""What a cluster must be able to suffer for faults to be applied to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from schedbench.controlplane.latency import Latency
from schedbench.objects.node import Node
from schedbench.simulation.faults import Elected


class Faultable(Protocol):
    """What a cluster lets faults do to it; each call takes effect at once."""

    def nodes(self) -> Iterable[Node]:
        """Return the nodes that are there, crashed ones too."""

    def etcd_members(self) -> int:
        """Return the size of the etcd cluster, stopped members included."""

    def api_servers(self) -> int:
        """Return the number of API servers, stopped ones included."""

    def crash_node(self, name: str) -> None:
        """Cut a node's power: kubelet, proxy and containers end without a word."""

    def restore_node(self, name: str) -> None:
        """Boot a crashed node: no container runs, images are there."""

    def stop_heartbeat(self, name: str) -> None:
        """Let a kubelet renew neither its lease nor its status; pods run on."""

    def start_heartbeat(self, name: str) -> None:
        """Let it renew both again."""

    def partition(self, names: Sequence[str]) -> None:
        """Cut nodes off the API servers, both ways; what runs there runs on."""

    def heal(self, names: Sequence[str]) -> None:
        """Connect them again; their watches resume."""

    def slow_disk(self, member: int, fsync: Latency | None) -> None:
        """Let an etcd member's fsync take this long; None = as it was."""

    def stop_etcd_member(self, member: int) -> None:
        """Kill an etcd member; its disk stays."""

    def start_etcd_member(self, member: int) -> None:
        """Start it from its disk; it catches up."""

    def stop_api_server(self, server: int) -> None:
        """Kill an API server; its clients' calls fail, their watches break."""

    def start_api_server(self, server: int) -> None:
        """Start it with an empty watch cache."""

    def leader(self, component: Elected) -> int | None:
        """Return which replica leads; None while there is no leader."""

    def stop_replica(self, component: Elected, replica: int) -> None:
        """Kill a replica of a component; it gives up no lease."""

    def start_replica(self, component: Elected, replica: int) -> None:
        """Start it; it stands for election."""

    def overload(self, qps: float) -> None:
        """Let foreign clients send so many calls a second from now on."""

    def fail_registry(self, until: float) -> None:
        """Let every image pull fail until a time."""

    def drain_node(self, name: str) -> None:
        """Cordon a node and evict its pods through the API."""

    def uncordon_node(self, name: str) -> None:
        """Let the node be scheduled to again."""

    def skew_clock(self, component: str, seconds: float) -> None:
        """Let a component's wall clock be so far ahead of the true time."""
