"""The network of pods: addresses from the node's range, and ranges for nodes.

Source: the CNI plugin host-local (cni.dev/plugins/current/ipam/host-local), which gives
addresses in turn; kube-controller-manager's node IPAM for the ranges.
"""

from __future__ import annotations

import functools
import ipaddress

from schedbench.clock import Clock
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.parameters import PodNetwork
from schedbench.errors import InputError

RESERVED = 2
"""The network's own address and the bridge's; the last one is the broadcast's."""


class AddressRange:
    """The pod addresses of one node, given out in turn.

    Attributes
    ----------
    size
        How many pods can have one: a /24 has 253, beside network, bridge, broadcast.
    """

    __slots__ = ("_base", "_next", "size", "taken")

    def __init__(self, cidr: str) -> None:
        self._base, count = _network(cidr)
        self.size = max(0, count - RESERVED - 1)
        self._next = 0
        self.taken: set[int] = set()

    def take(self) -> str | None:
        """Return a free address, or None if all are taken."""
        if len(self.taken) >= self.size:
            return None
        while self._next in self.taken:
            self._next = (self._next + 1) % self.size
        offset = self._next
        self.taken.add(offset)
        self._next = (offset + 1) % self.size
        return _dotted(self._base + RESERVED + offset)

    def give_back(self, address: str) -> None:
        """Let another pod have an address."""
        number = int(ipaddress.IPv4Address(address))
        self.taken.discard(number - self._base - RESERVED)


class NodeRanges:
    """The ranges of a cluster, given to its nodes.

    Source: `--cluster-cidr` and `--node-cidr-mask-size` of kube-controller-manager.
    """

    def __init__(self, cluster_cidr: str, node_mask: int = 24) -> None:
        base, count = _network(cluster_cidr)
        self._base, self._mask, self._size = base, node_mask, 2 ** (32 - node_mask)
        self._count = count // self._size
        self._next = 0
        self._free: list[int] = []

    def take(self) -> str | None:
        """Return a range for a node, or None if all are given out."""
        if self._next < self._count:
            index = self._next
            self._next += 1
        elif self._free:
            index = self._free.pop(0)
        else:
            return None
        return f"{_dotted(self._base + index * self._size)}/{self._mask}"

    def give_back(self, cidr: str) -> None:
        """Let another node have a range."""
        self._free.append((_network(cidr)[0] - self._base) // self._size)


class Network:
    """The CNI plugin on all nodes."""

    def __init__(self, clock: Clock, parameters: PodNetwork, seed: int) -> None:
        self.clock = clock
        self.parameters = parameters
        self.ranges = NodeRanges(parameters.cluster_cidr, parameters.node_mask)
        self._draws = Draws(seed, "network/attach")
        self._nodes: dict[str, AddressRange] = {}

    def attach_seconds(self) -> float:
        """Return how long the plugin takes this time."""
        return self._draws.seconds(self.parameters.attach)

    def of(self, node: str, cidr: str | None) -> AddressRange:
        """Return the addresses of a node; one without a range is given one.

        Raises
        ------
        InputError
            If no range is left.
        """
        found = self._nodes.get(node)
        if found is None:
            chosen = cidr or self.ranges.take()
            if chosen is None:
                raise InputError(
                    "no range of pod addresses is left for a node",
                    where=f"Node {node}",
                    value=self.parameters.cluster_cidr,
                    fix="give a wider cluster CIDR",
                )
            found = self._nodes[node] = AddressRange(chosen)
        return found

    def forget(self, node: str) -> None:
        """Forget all addresses of a node that is gone."""
        self._nodes.pop(node, None)


@functools.lru_cache(maxsize=65536)
def _network(cidr: str) -> tuple[int, int]:
    try:
        network = ipaddress.IPv4Network(cidr, strict=False)
    except ValueError:
        raise InputError(
            "no range of IPv4 addresses",
            value=cidr,
            fix="write one such as 10.0.1.0/24",
        ) from None
    return int(network.network_address), network.num_addresses


def _dotted(number: int) -> str:
    return f"{number >> 24}.{(number >> 16) & 255}.{(number >> 8) & 255}.{number & 255}"
