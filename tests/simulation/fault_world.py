"""A small cluster to break, and a witness who writes down what the API showed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from schedbench.cluster.encode import encode
from schedbench.controlplane.api import WatchEvent
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.controllers import Deployment, StatefulSet
from schedbench.objects.defaults import default_node
from schedbench.objects.node import Node
from schedbench.objects.policy import PodDisruptionBudget
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.control_plane import ControlPlane
from schedbench.simulation.end_to_end import Told, end_to_end
from schedbench.simulation.faults import Fault
from schedbench.simulation.full_nodes import full_nodes
from schedbench.simulation.machines import Machines
from schedbench.simulation.wiring import Component, Wiring

LABELS = {"app": "web"}
BEARS = 5
"""Seconds that the pods bear a node that is not ready or not reachable."""
DEFAULTS = Parameters()


def node(name: str, zone: str = "") -> Node:
    """Make a node of four cores."""
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    document = {
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": room, "allocatable": room},
    }
    return default_node(msgspec.convert(document, Node))


def nodes(count: int, zones: Sequence[str] = ("",)) -> list[Node]:
    """Make nodes of the zones in turn."""
    return [node(f"n{i}", zones[i % len(zones)]) for i in range(count)]


def template(image: str = "web:1", bears: float = BEARS) -> dict[str, Any]:
    """Return a pod template that bears lost nodes for a while."""
    requests = {"cpu": "500m"}
    return {
        "metadata": {"labels": LABELS},
        "spec": {
            "containers": [
                {"name": "c", "image": image, "resources": {"requests": requests}}
            ],
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{what}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": bears,
                }
                for what in ("not-ready", "unreachable")
            ],
        },
    }


def workload(
    kind: type[Any], replicas: int, name: str = "web", bears: float = BEARS
) -> Any:
    """Make a Deployment or StatefulSet."""
    document = {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": template(bears=bears),
        },
    }
    return msgspec.convert(document, kind)


def web(replicas: int, bears: float = BEARS) -> Deployment:
    """Make a Deployment."""
    made: Deployment = workload(Deployment, replicas, bears=bears)
    return made


def store(replicas: int) -> StatefulSet:
    """Make a StatefulSet."""
    made: StatefulSet = workload(StatefulSet, replicas, "store")
    return made


def budget(unavailable: int) -> PodDisruptionBudget:
    """Make a budget over all pods."""
    document = {
        "metadata": {"name": "budget", "namespace": "default"},
        "spec": {
            "maxUnavailable": unavailable,
            "selector": {"matchLabels": LABELS},
        },
    }
    return msgspec.convert(document, PodDisruptionBudget)


def is_true(item: Any, condition: str = "Ready") -> bool:
    """Return whether a condition of an object is true."""
    return any(
        c.type == condition and c.status == "True" for c in item.status.conditions
    )


class Witness:
    """Watches some kinds and remembers every change.

    Attributes
    ----------
    history
        Time, kind and event, in order.
    """

    def __init__(self, wiring: Wiring, kinds: Sequence[str]) -> None:
        self.wiring = wiring
        self.history: list[tuple[float, str, WatchEvent]] = []
        api = wiring.clients("witness")
        for kind in kinds:
            api.watch(kind, lambda event, kind=kind: self._seen(kind, event))

    def _seen(self, kind: str, event: WatchEvent) -> None:
        self.history.append((self.wiring.clock.now, kind, event))

    def at(self, time: float, kind: str = "Pod") -> dict[str, Any]:
        """Return the objects of a kind as they were at a time, by name."""
        found: dict[str, Any] = {}
        for when, what, event in self.history:
            if when > time:
                break
            if what == kind:
                name = event.object.metadata.name
                found[name] = event.object
                if event.type == "DELETED":
                    del found[name]
        return found

    def times(self, kind: str = "Pod") -> list[float]:
        """Return when objects of a kind changed."""
        return [when for when, what, _ in self.history if what == kind]

    def ready(self, time: float) -> int:
        """Count the pods that were ready at a time."""
        return sum(is_true(pod) for pod in self.at(time).values())

    def on(self, name: str, time: float) -> list[str]:
        """Return the names of the pods that were bound to a node at a time."""
        return [key for key, p in self.at(time).items() if p.spec.node_name == name]


class Run:
    """A run that was broken, and what it showed."""

    def __init__(self, told: Told, witness: Witness, machines: Machines) -> None:
        self.told, self.witness, self.machines = told, witness, machines
        self.ready = witness.ready(math.inf)
        self.disorder = told.timelines.disorder()

    def running(self, time: float = math.inf) -> dict[str, list[str]]:
        """Return the pods with running containers on each machine at the end."""
        return {
            name: sorted(
                worker.pod.metadata.name
                for worker in kubelet.workers.values()
                if worker.stage == "up"
            )
            for name, kubelet in self.machines.kubelets.items()
        }


def broken(
    faults: Sequence[dict[str, Any]],
    objects: Sequence[Any],
    *,
    count: int = 6,
    zones: Sequence[str] = ("",),
    parameters: Parameters = DEFAULTS,
    components: Sequence[Component] = (),
    kinds: Sequence[str] = ("Pod", "Node"),
    until: float = math.inf,
    seed: int = 1,
    **replicas: int,
) -> Run:
    """Play some objects on some nodes while faults happen."""
    seen: list[Any] = []

    def witness(wiring: Wiring) -> Witness:
        seen.append(Witness(wiring, kinds))
        return seen[-1]

    machines, *others = full_nodes()

    def noted(wiring: Wiring) -> object:
        seen.append(machines(wiring))
        return seen[-1]

    stream = PodStream.of([], [], arrival=np.zeros(0))
    given = Workload(
        "broken", nodes(count, zones), stream, list(objects), queue="kube-scheduler"
    )
    told = end_to_end(
        encode(given),
        make_policy("kube-scheduler"),
        seed=seed,
        parameters=parameters,
        components=[noted, *others, witness, *components],
        control_plane=ControlPlane(**replicas),
        faults=msgspec.convert(list(faults), list[Fault]),
        until=until,
    )
    return Run(told, seen[1], seen[0])
