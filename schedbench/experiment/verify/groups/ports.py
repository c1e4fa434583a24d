"""ports: host ports by protocol and address, of containers and of sidecars."""

from __future__ import annotations

from schedbench.experiment.verify import nodes, pods
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled

HOST_PORTS = (80, 443, 8080)
ADDRESSES = ("", "0.0.0.0", "127.0.0.1", "10.0.0.1", "10.0.0.2", "::")  # noqa: S104
PROTOCOLS = ("TCP", "UDP", "SCTP")


def case(draw: Draw) -> Document:
    """Return a case whose pods want the same few ports."""
    found = nodes.nodes(draw, 2, 8)
    bound = pods.bound_pods(draw, nodes.names(found), 1.0, spec)
    return assembled(found, pods.pending_pods(draw, 4, 12, spec), bound=bound)


def spec(draw: Draw) -> Document:
    """Return a specification with host ports, at times on the host's network."""
    count = draw.whole(1, 2)
    containers = [pods.container(draw, f"c{i}") for i in range(count)]
    for each in containers:
        if draw.chance(0.95):
            each["ports"] = [port(draw) for _ in range(draw.whole(1, 2))]
    found: Document = {"containers": containers}
    if draw.chance(0.2):
        first = pods.container(draw, "i0") | {"ports": [port(draw)]}
        if draw.chance(0.65):
            first["restartPolicy"] = "Always"
        found["initContainers"] = [first]
    if draw.chance(0.1):
        found["hostNetwork"] = True
    return found


def port(draw: Draw) -> Document:
    """Return a port; the host's may be absent or zero, and so may be its address."""
    found: Document = {"containerPort": draw.pick([8000, 8001, 8010, *HOST_PORTS])}
    if draw.chance(0.85):
        found["hostPort"] = draw.pick(HOST_PORTS) if draw.chance(0.97) else 0
    if draw.chance(0.4):
        found["hostIP"] = draw.pick(ADDRESSES)
    if draw.chance(0.5):
        found["protocol"] = draw.pick(PROTOCOLS)
    return found
