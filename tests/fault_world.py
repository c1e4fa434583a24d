"""A small cluster to break, and a witness who writes down what the API showed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
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
from schedbench.simulation.actions import Action
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
            api.watch(kind, partial(self._seen, kind))

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
    """A run that was broken, and what it showed.

    Attributes
    ----------
    ready
        How many pods were ready at the end.
    disorder
        Effects before their causes.
    looks
        Time → node → names of the pods whose containers ran there then.
    """

    def __init__(
        self, told: Told, witness: Witness, looks: dict[float, dict[str, set[str]]]
    ) -> None:
        self.told, self.witness, self.looks = told, witness, looks
        self.ready = witness.ready(math.inf)
        self.disorder = told.timelines.disorder()

    @property
    def doubled(self) -> list[str]:
        """Pods that were bound to more than one node, by uid."""
        nodes: dict[str, set[str]] = {}
        for _, kind, event in self.witness.history:
            pod: Any = event.object
            if kind == "Pod" and pod.spec.node_name:
                nodes.setdefault(pod.metadata.uid, set()).add(pod.spec.node_name)
        return [uid for uid, found in nodes.items() if len(found) > 1]

    def calm(self, pods: int) -> bool:
        """Return whether all is well in the end: ready, in order, nothing doubled."""
        return self.ready == pods and not self.disorder and not self.doubled


def running(machines: Machines) -> dict[str, set[str]]:
    """Return the names of the pods with running containers, by node."""
    return {
        name: {
            worker.pod.metadata.name
            for worker in kubelet.workers.values()
            if worker.stage == "up"
        }
        for name, kubelet in machines.kubelets.items()
    }


def scaled(time: float, replicas: int, item: Any) -> Action:
    """Return what a user does who scales a workload."""
    meta = item.metadata
    return Action(
        time, scales=[(type(item).__name__, meta.namespace, meta.name, replicas)]
    )


def broken(
    faults: Sequence[dict[str, Any]],
    objects: Sequence[Any],
    *,
    count: int = 6,
    zones: Sequence[str] = ("",),
    parameters: Parameters = DEFAULTS,
    components: Sequence[Component] = (),
    kinds: Sequence[str] = ("Pod", "Node"),
    actions: Sequence[Action] = (),
    looks: Sequence[float] = (),
    until: float = math.inf,
    seed: int = 1,
    **replicas: Any,
) -> Run:
    """Play some objects on some nodes while faults happen."""
    witnesses: list[Witness] = []
    looked: dict[float, dict[str, set[str]]] = {}
    first, *others = full_nodes()

    def witness(wiring: Wiring) -> None:
        witnesses.append(Witness(wiring, kinds))

    def machines(wiring: Wiring) -> object:
        made = first(wiring)
        assert isinstance(made, Machines)
        for time in looks:
            wiring.clock.at(time, _look, made, time, looked)
        return made

    stream = PodStream.of([], [], arrival=np.zeros(0))
    given = Workload(
        "broken", nodes(count, zones), stream, list(objects), queue="kube-scheduler"
    )
    told = end_to_end(
        encode(given),
        make_policy("kube-scheduler"),
        seed=seed,
        parameters=parameters,
        components=[machines, *others, witness, *components],
        control_plane=ControlPlane(**replicas),
        faults=msgspec.convert(list(faults), list[Fault]),
        actions=actions,
        until=until,
    )
    return Run(told, witnesses[0], looked)


def _look(
    machines: Machines, time: float, looked: dict[float, dict[str, set[str]]]
) -> None:
    looked[time] = running(machines)
