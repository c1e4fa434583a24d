"""Whether a kubelet takes a pod in: the scheduler's checks once more, on the node.

Source: pkg/kubelet/lifecycle/predicate.go and handlers.go, and the plugins' reasons.
"""

from __future__ import annotations

import dataclasses

from schedbench.node.worker import STATIC, Worker
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.resources import is_sidecar, node_allocatable, pod_requests
from schedbench.objects.selectors import matches_labels, matches_node_selector
from schedbench.objects.taints import tolerates

_NATIVE = ("cpu", "memory", "ephemeral-storage", "pods")
ANY = "0.0.0.0"  # noqa: S104 - the wildcard of host ports, not an address to bind


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """Why a pod is not taken in, in upstream's words."""

    reason: str
    message: str


class Admission:
    """What the pods of a node hold of it.

    Attributes
    ----------
    used
        Resource → amount that the admitted pods hold, in base units.
    count
        How many they are.
    """

    __slots__ = (
        "_holders",
        "_max_pods",
        "allocatable",
        "count",
        "node",
        "ports",
        "used",
    )

    def __init__(self, node: Node, max_pods: int) -> None:
        self._max_pods = max_pods
        self._holders: dict[str, dict[str, int]] = {}
        self.used: dict[str, int] = {}
        self.ports: dict[tuple[str, int], list[tuple[str, str]]] = {}
        self.count = 0
        self.node = node
        self.allocatable = node_allocatable(node)

    def change(self, node: Node) -> None:
        """Take a node as it is now; the pods stay."""
        if node.status.allocatable is not self.node.status.allocatable:
            self.allocatable = node_allocatable(node)
        self.node = node

    def admit(self, worker: Worker) -> Rejection | None:
        """Take a pod in, or say why not."""
        pod = worker.pod
        requests = pod_requests(pod)
        ports = _host_ports(pod)
        rejection = self._room(requests) or self._match(pod) or self._free(ports)
        if rejection is None:
            rejection = self._tolerated(pod)
        if rejection is not None:
            return rejection
        self._holders[worker.key] = requests
        self.count += 1
        for name, amount in requests.items():
            self.used[name] = self.used.get(name, 0) + amount
        for protocol, port, address in ports:
            self.ports.setdefault((protocol, port), []).append((address, worker.key))
        return None

    def release(self, worker: Worker) -> None:
        """Let a pod hold nothing more; one that holds nothing is none the worse."""
        requests = self._holders.pop(worker.key, None)
        if requests is None:
            return
        self.count -= 1
        for name, amount in requests.items():
            self.used[name] -= amount
        for protocol, port, _ in _host_ports(worker.pod):
            held = self.ports[protocol, port]
            held[:] = [entry for entry in held if entry[1] != worker.key]

    def _room(self, requests: dict[str, int]) -> Rejection | None:
        most = self.allocatable.get("pods", self._max_pods)
        if self.count + 1 > most:
            return _short("pods", 1, self.count, most)
        for name, amount in requests.items():
            if amount == 0 or (name not in _NATIVE and name not in self.allocatable):
                continue
            used, all_of_it = self.used.get(name, 0), self.allocatable.get(name, 0)
            if used + amount > all_of_it:
                return _short(name, amount, used, all_of_it)
        return None

    def _match(self, pod: Pod) -> Rejection | None:
        spec = pod.spec
        affinity = spec.affinity.node_affinity if spec.affinity else None
        required = (
            affinity.required_during_scheduling_ignored_during_execution
            if affinity
            else None
        )
        if matches_labels(spec.node_selector, self.node.metadata.labels) and (
            required is None or matches_node_selector(required, self.node)
        ):
            return None
        return _predicate(
            "NodeAffinity", "node(s) didn't match Pod's node affinity/selector"
        )

    def _free(self, ports: list[tuple[str, int, str]]) -> Rejection | None:
        for protocol, port, address in ports:
            for other, _ in self.ports.get((protocol, port), ()):
                if other == address or ANY in {other, address}:
                    return _predicate(
                        "NodePorts",
                        "node(s) didn't have free ports for the requested pod ports",
                    )
        return None

    def _tolerated(self, pod: Pod) -> Rejection | None:
        if STATIC in pod.metadata.annotations:
            return None
        for taint in self.node.spec.taints:
            if taint.effect == "NoExecute" and not any(
                tolerates(toleration, taint) for toleration in pod.spec.tolerations
            ):
                return _predicate(
                    "TaintToleration",
                    "node(s) had taints that the pod didn't tolerate",
                )
        return None


def _short(name: str, requested: int, used: int, capacity: int) -> Rejection:
    return Rejection(
        f"OutOf{name}",
        f"Node didn't have enough resource: {name}, requested: {requested}, "
        f"used: {used}, capacity: {capacity}",
    )


def _predicate(name: str, text: str) -> Rejection:
    return Rejection(name, f"Predicate {name} failed: {text}")


def _host_ports(pod: Pod) -> list[tuple[str, int, str]]:
    spec = pod.spec
    return [
        (port.protocol or "TCP", port.host_port, port.host_ip or ANY)
        for container in (*spec.containers, *filter(is_sidecar, spec.init_containers))
        for port in container.ports
        if port.host_port > 0
    ]
