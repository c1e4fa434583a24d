"""One node with its kubelet over the fake API."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane import parameters
from schedbench.node.kubelet import Kubelet
from schedbench.node.network import Network
from schedbench.node.runtime import Runtime
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import ContainerImage, Node, NodeSpec, NodeStatus
from schedbench.objects.pod import Container, Pod, PodSpec, ResourceRequirements

QUIET = parameters.NO_LATENCY


class World:
    """A node `n`, its kubelet, and every phase, restart count and hop that was seen."""

    def __init__(
        self,
        *,
        allocatable: Mapping[str, Any] | None = None,
        cidr: str = "10.1.0.0/24",
        latencies: parameters.Parameters = QUIET,
        images: tuple[str, ...] = ("app:1",),
        node: Node | None = None,
        **kubelet: Any,
    ) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        offered = dict(allocatable or {"cpu": "4", "memory": "8Gi", "pods": 10})
        self.api.create(
            node
            or Node(
                metadata=ObjectMeta(name="n", labels={"zone": "a"}),
                spec=NodeSpec(pod_cidr=cidr),
                status=NodeStatus(
                    capacity=offered,
                    allocatable=offered,
                    images=[ContainerImage(names=[i], size_bytes=1) for i in images],
                ),
            )
        )
        self.phases: dict[str, list[str]] = {}
        self.restarts: dict[str, list[int]] = {}
        self.hops: list[tuple[str, str, float]] = []
        self.api.watch("Pod", self._seen)
        self.network = Network(self.clock, latencies.pod_network, 1)
        self.runtime = Runtime(self.clock, latencies.runtime, latencies.images, 1)
        self.kubelet = Kubelet(
            self.clock,
            self.api,
            self.node,
            dataclasses.replace(latencies.kubelet, **kubelet),
            1,
            self.runtime,
            self.network,
            lambda pod, hop: self.hops.append((pod.key, hop, self.clock.now)),
        )
        self.run(0)

    @property
    def node(self) -> Node:
        (node,) = self.api.of("Node")
        return node

    def run(self, seconds: float) -> None:
        self.clock.run(self.clock.now + seconds)

    def add(self, item: Pod) -> None:
        self.api.create(item)
        self.run(0)

    def pod(self, name: str = "p") -> Pod | None:
        return self.api.objects.get(("Pod", "d", name))  # type: ignore[return-value]

    def status(self, name: str = "p") -> Any:
        item = self.pod(name)
        assert item is not None
        return item.status

    def condition(self, kind: str, name: str = "p") -> str:
        return {c.type: c.status for c in self.status(name).conditions}[kind]

    def _seen(self, event: Any) -> None:
        status, key = event.object.status, event.object.metadata.uid
        phases = self.phases.setdefault(key, [])
        if status.phase and (not phases or phases[-1] != status.phase):
            phases.append(status.phase)
        counts = [s.restart_count for s in status.container_statuses]
        if counts:
            self.restarts.setdefault(key, []).append(sum(counts))


def pod(
    name: str = "p",
    *,
    cpu: Any = None,
    memory: Any = None,
    limits: dict[str, Any] | None = None,
    notes: dict[str, Any] | None = None,
    image: str = "app:1",
    container: dict[str, Any] | None = None,
    **spec: Any,
) -> Pod:
    asked = {"cpu": cpu, "memory": memory}
    resources = ResourceRequirements(
        requests={key: amount for key, amount in asked.items() if amount is not None},
        limits=limits or {},
    )
    spec.setdefault(
        "containers",
        [Container(name="c", image=image, resources=resources, **(container or {}))],
    )
    annotations = {f"schedbench.io/{k}": str(v) for k, v in (notes or {}).items()}
    return Pod(
        metadata=ObjectMeta(name=name, namespace="d", annotations=annotations),
        spec=PodSpec(node_name="n", **spec),
    )
