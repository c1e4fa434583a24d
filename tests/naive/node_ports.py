"""NodePorts: two pods of a node cannot hold the same host port."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product

from naive.resources import remember
from naive.verdict import PASS, Reasons

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

EVERY_ADDRESS = "0.0.0.0"
HostPort = tuple[str, str, int]


@remember
def host_ports(pod: Pod) -> list[HostPort]:
    """Return address, protocol and port of what the pod opens on its host."""
    sidecars = [
        one for one in pod.spec.init_containers if one.restart_policy == "Always"
    ]
    opened = []
    for container in [*pod.spec.containers, *sidecars]:
        for port in container.ports:
            number = port.host_port
            if not number and pod.spec.host_network:
                number = port.container_port
            if number:
                address = port.host_ip or EVERY_ADDRESS
                opened.append((address, port.protocol or "TCP", number))
    return opened


def check(
    pod: Pod,
    node: Node,
    pods_on_node: list[Pod],
    taken: Collection[HostPort] | None = None,
) -> Reasons:
    """Refuse a node on which one of the pod's host ports is taken.

    `taken` is what a cache holds for taken, where that is not what the pods open: one
    that two pods open counts once, and is free as soon as one of them goes.
    """
    if taken is None:
        taken = [port for other in pods_on_node for port in host_ports(other)]
    for (address, *mine), (other_address, *other) in product(host_ports(pod), taken):
        shared = address == other_address or EVERY_ADDRESS in {address, other_address}
        if shared and mine == other:
            return Reasons(
                ["node(s) didn't have free ports for the requested pod ports"]
            )
    return PASS
