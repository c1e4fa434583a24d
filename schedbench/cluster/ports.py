"""Host ports as a numbering of (IP, protocol, port) triplets.

Source: kube-scheduler's HostPortInfo: two triplets conflict if protocol and port are
equal and the IPs are equal or one of them is 0.0.0.0, which is also the default.
"""

from __future__ import annotations

from typing import NamedTuple

from schedbench.cluster.vocabulary import Vocabulary
from schedbench.objects.pod import Pod

ANY_IP = "0.0.0.0"  # noqa: S104 - the wildcard of host ports, not an address to bind


class HostPort(NamedTuple):
    """A port of the node that a pod takes."""

    ip: str
    protocol: str
    port: int


def host_ports(pod: Pod) -> list[HostPort]:
    """Return the host ports of a pod's containers and sidecars, without repeats."""
    sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
    found = {
        HostPort(port.host_ip or ANY_IP, port.protocol or "TCP", port.host_port)
        for container in [*pod.spec.containers, *sidecars]
        for port in container.ports
        if port.host_port > 0
    }
    return sorted(found)


def conflicts(port: HostPort, vocabulary: Vocabulary[HostPort]) -> list[int]:
    """Return the ids of all known triplets that a pod's host port conflicts with."""
    return [
        index
        for index, other in enumerate(vocabulary)
        if (other.protocol, other.port) == (port.protocol, port.port)
        and (other.ip == port.ip or ANY_IP in {other.ip, port.ip})
    ]
