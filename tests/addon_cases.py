"""Small whole clusters with add-ons, with what happens in them written down."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pandas as pd

from schedbench.cluster.encode import encode
from schedbench.controlplane.api import Api
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_node
from schedbench.objects.node import Node
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.addons import Addons
from schedbench.simulation.backplane import Backplane
from schedbench.simulation.end_to_end import Told, end_to_end
from schedbench.simulation.full_nodes import full_nodes
from schedbench.simulation.load import Load
from schedbench.simulation.node_groups import NodeGroup
from schedbench.simulation.wiring import Component, Wiring

LABELS = {"app": "web"}
META = {"name": "web", "namespace": "default"}


@dataclasses.dataclass
class Played:
    """A run that is over, or not yet.

    Attributes
    ----------
    seen
        Kind → the time, type and object of each change.
    backplane
        What stood between the components.
    """

    addons: Addons
    seen: dict[str, list[tuple[float, str, Any]]]
    backplane: Backplane
    told: Told

    def timelines(self) -> pd.DataFrame:
        """Return a row for each pod."""
        return self.told.timelines.frame(self.told.ends)

    def series(self, kind: str, field: Callable[[Any], Any]) -> list[tuple[float, Any]]:
        """Return the changes of a field of the objects of a kind, with their times."""
        found: list[tuple[float, Any]] = []
        for time, what, item in self.seen[kind]:
            value = field(item)
            if what != "DELETED" and (not found or found[-1][1] != value):
                found.append((time, value))
        return found

    def nodes(self) -> list[tuple[float, str, str]]:
        """Return which nodes came and went when, those from the start left out."""
        return [
            (time, what, item.metadata.name)
            for time, what, item in self.seen["Node"]
            if what != "MODIFIED" and time > 5
        ]


def node(name: str) -> Node:
    """Make a node of four cores."""
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    document = {
        "metadata": {"name": name},
        "status": {"capacity": room, "allocatable": room},
    }
    return default_node(msgspec.convert(document, Node))


def group(**fields: Any) -> NodeGroup:
    """Read a group of nodes of four cores that come after exactly a minute."""
    minute = {"median": 60, "p99": 60}
    whole = {"name": "n", "cpu": 4, "memory": "8Gi", "provisioning": minute} | fields
    return msgspec.convert(whole, NodeGroup)


def load(**fields: Any) -> Load:
    """Read a load on the service `web`, of 0.05 cpu-seconds a request."""
    return msgspec.convert({"service": "web", "cost": 0.05} | fields, Load)


def deployment(replicas: int, cpu: str = "1", **template: Any) -> dict[str, Any]:
    """Return a Deployment whose pods ask for and may use so much cpu."""
    container = {
        "name": "c",
        "image": "web:1",
        "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}},
    }
    if "probe" in template:
        container["readinessProbe"] = template["probe"]
    annotations = template.get("annotations", {})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": META,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS, "annotations": annotations},
                "spec": {"containers": [container]},
            },
        },
    }


def service(**spec: Any) -> dict[str, Any]:
    """Return the Service of those pods."""
    spec = {"selector": LABELS, "ports": [{"port": 80}]} | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": META, "spec": spec}


def autoscaler(utilization: int = 50, **spec: Any) -> dict[str, Any]:
    """Return a HorizontalPodAutoscaler of that Deployment."""
    target = {"type": "Utilization", "averageUtilization": utilization}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    whole = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 30}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": META,
        "spec": whole | {"metrics": [metric]} | spec,
    }


def play(
    objects: Sequence[Mapping[str, Any]],
    *,
    until: float,
    nodes: int = 5,
    loads: Sequence[Load] = (),
    groups: Sequence[NodeGroup] = (),
    later: Mapping[float, Callable[[Api], None]] | None = None,
    at: Mapping[float, Callable[[Played], None]] | None = None,
    seed: int = 1,
    quiet: float = math.inf,
    **more: Any,
) -> Played:
    """Play a cluster with all add-ons.

    `later` is what a user does when; `at` looks at the run, or breaks it.
    """
    addons = Addons()
    seen: dict[str, list[tuple[float, str, Any]]] = {}
    made: list[Backplane] = []
    told: Any = None

    def connect(*given: Any) -> Backplane:
        made.append(Backplane(*given))
        return made[-1]

    def look(wiring: Wiring) -> None:
        api, clock = wiring.clients("auditor"), wiring.clock
        for kind in ("Deployment", "Node", "Pod", "ResourceQuota", "Service"):
            log = seen.setdefault(kind, [])
            api.watch(
                kind,
                lambda event, log=log: log.append(
                    (clock.now, event.type, event.object)
                ),
            )
        for time, act in (later or {}).items():
            clock.at(time, act, api)
        for time, act in (at or {}).items():
            clock.at(time, act, Played(addons, seen, made[-1], told), priority=9)

    parts: list[Component] = [
        *full_nodes(addons),
        addons.metrics_server,
        addons.dns,
        addons.ingress(loads),
        addons.cluster_autoscaler(groups),
        look,
    ]
    workload = Workload(
        "add-ons",
        [node(f"n-{number}") for number in range(nodes)],
        PodStream.of([], []),
        [decode_object(dict(item), "case") for item in objects],
        queue="kube-scheduler",
    )
    told = end_to_end(
        encode(workload),
        make_policy("kube-scheduler"),
        seed=seed,
        parameters=Parameters(),
        connect=connect,
        components=parts,
        until=until,
        quiet=quiet,
        **more,
    )
    return Played(addons, seen, made[-1], told)


def scale(replicas: int) -> Callable[[Api], None]:
    """Return what scales the Deployment."""

    def change(item: Any) -> Any:
        spec = msgspec.structs.replace(item.spec, replicas=replicas)
        return msgspec.structs.replace(item, spec=spec)

    return lambda api: api.patch("Deployment", "default", "web", change)


def create(document: Mapping[str, Any]) -> Callable[[Api], None]:
    """Return what creates an object."""
    return lambda api: api.create(decode_object(dict(document), "case"))
