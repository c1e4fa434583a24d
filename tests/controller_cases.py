"""Controllers at work on an API without latencies, and a kubelet played by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from fake_api import FakeApi

from schedbench.clock import Clock
from schedbench.controlplane.controllers.manager import ControllerManager
from schedbench.controlplane.controllers.owned import controller_of, is_active, is_ready
from schedbench.controlplane.parameters import NO_LATENCY
from schedbench.objects.meta import ObjectMeta, OwnerReference
from schedbench.objects.pod import (
    Container,
    ContainerStatus,
    Pod,
    PodCondition,
    PodSpec,
    PodTemplateSpec,
)
from schedbench.objects.selectors import LabelSelector

FAST = dataclasses.replace(
    NO_LATENCY,
    controllers=dataclasses.replace(
        NO_LATENCY.controllers,
        retries=dataclasses.replace(NO_LATENCY.controllers.retries, qps=1000.0),
    ),
)


def template(image: str = "app:1", app: str = "web", **spec: Any) -> PodTemplateSpec:
    return PodTemplateSpec(
        metadata=ObjectMeta(labels={"app": app}),
        spec=PodSpec(containers=[Container(name="main", image=image)], **spec),
    )


def selector(app: str = "web") -> LabelSelector:
    return LabelSelector(match_labels={"app": app})


def meta(name: str, **fields: Any) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="ns", **fields)


def reference(owner: Any) -> OwnerReference:
    return OwnerReference(
        kind=type(owner).__name__,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
    )


class World:
    """A clock, an API, and controllers; helpers play the user and the kubelet."""

    def __init__(self, *controllers: Any, api: Any = FakeApi) -> None:
        self.clock = Clock()
        self.api = api(self.clock)
        self.manager = ControllerManager(
            self.clock, self.api, FAST, 0, controllers=controllers
        )

    patience = 1.0
    """Seconds in which controllers have acted on what happened."""

    def settle(self, seconds: float = 1.0) -> None:
        self.clock.run(self.clock.now + seconds)

    def create(self, item: Any) -> Any:
        self.api.create(item)
        return self.get(type(item).__name__, item.metadata.name)

    def get(self, kind: str, name: str) -> Any:
        namespace = "" if kind == "Node" else "ns"
        return self.api.objects.get((kind, namespace, name))

    def change(self, item: Any, **spec: Any) -> None:
        def changed(now: Any) -> Any:
            new = msgspec.structs.replace(now.spec, **spec)
            return msgspec.structs.replace(now, spec=new)

        self.api.patch(
            type(item).__name__, item.metadata.namespace, item.metadata.name, changed
        )

    def relabel(self, item: Any, labels: dict[str, str]) -> None:
        def changed(now: Any) -> Any:
            now.metadata.labels = labels
            return now

        self.api.patch(type(item).__name__, "ns", item.metadata.name, changed)

    def annotate(self, item: Any, **annotations: str) -> None:
        def changed(now: Any) -> Any:
            now.metadata.annotations.update(annotations)
            return now

        self.api.patch(type(item).__name__, "ns", item.metadata.name, changed)

    def pods(self) -> list[Any]:
        return self.api.of("Pod")

    def active(self) -> list[Any]:
        return [pod for pod in self.pods() if is_active(pod)]

    def of(self, owner: Any) -> list[Any]:
        uid = owner.metadata.uid
        return [
            pod
            for pod in self.pods()
            if (of := controller_of(pod)) is not None and of.uid == uid
        ]

    def set_pod(self, pod: Any, phase: str, *, ready: bool = False) -> None:
        def changed(now: Pod) -> Pod:
            state = "True" if ready else "False"
            now.status.phase = phase
            now.status.conditions = [PodCondition(type="Ready", status=state)]
            return now

        name = pod.metadata.name
        self.api.patch("Pod", "ns", name, changed, subresource="status")

    def restarted(self, pod: Any, count: int) -> None:
        def changed(now: Pod) -> Pod:
            now.status.phase = "Running"
            now.status.container_statuses = [ContainerStatus(restart_count=count)]
            return now

        self.api.patch("Pod", "ns", pod.metadata.name, changed, subresource="status")

    def bind(self, pod: Any, node: str) -> None:
        self.api.bind("ns", pod.metadata.name, node)

    def run_pods(self) -> int:
        """Make all pods that are not yet ready run, and remove the terminating."""
        count = 0
        for pod in self.pods():
            if pod.metadata.deletion_timestamp is not None:
                self.gone(pod)
                count += 1
            elif is_active(pod) and not is_ready(pod):
                self.set_pod(pod, "Running", ready=True)
                count += 1
        return count

    def converge(self, rounds: int = 200) -> None:
        """Let pods run and controllers act until nothing more happens."""
        for _ in range(rounds):
            self.settle(self.patience)
            if not self.run_pods():
                return
        raise AssertionError("no end")

    def gone(self, pod: Any) -> None:
        self.api.delete("Pod", "ns", pod.metadata.name, grace=0)
