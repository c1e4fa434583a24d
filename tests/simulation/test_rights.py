"""What the components do in a whole cluster, and whether they may."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.kinds import KINDS
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.backplane import Backplane
from schedbench.simulation.end_to_end import end_to_end
from schedbench.simulation.full_nodes import full_nodes

LABELS = {"app": "web"}
SELECTOR = {"matchLabels": LABELS}
CONTAINER = {"name": "c", "image": "web:1"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}}
TASK = {
    "metadata": {"annotations": {"schedbench.io/run-seconds": "3"}},
    "spec": {"containers": [CONTAINER], "restartPolicy": "Never"},
}
JOB = {"completions": 1, "template": TASK, "ttlSecondsAfterFinished": 5}
SPECS: dict[str, dict[str, Any]] = {
    "Deployment": {"replicas": 2, "selector": SELECTOR, "template": TEMPLATE},
    "ReplicationController": {"replicas": 1, "selector": LABELS, "template": TEMPLATE},
    "StatefulSet": {"replicas": 1, "selector": SELECTOR, "template": TEMPLATE},
    "DaemonSet": {"selector": SELECTOR, "template": TEMPLATE},
    "Job": JOB,
    "CronJob": {"schedule": "* * * * *", "jobTemplate": {"spec": JOB}},
    "Service": {"selector": LABELS, "ports": [{"port": 80}]},
    "PodDisruptionBudget": {"minAvailable": "50%", "selector": SELECTOR},
    "ResourceQuota": {"hard": {"pods": "100"}},
}


def made(kind: str, name: str, **fields: Any) -> Any:
    """Make an object of a document."""
    document = {"metadata": {"name": name, "namespace": "default"}, **fields}
    return msgspec.convert(document, KINDS[kind])


def test_no_component_is_denied() -> None:
    """The roles of Kubernetes' components let them do all that they have to."""
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    status = {"capacity": room, "allocatable": room}
    node = msgspec.convert({"metadata": {"name": "a"}, "status": status}, KINDS["Node"])
    bare = default_pod(made("Pod", "bare", spec=TEMPLATE["spec"]))
    workload = Workload(
        "rights",
        [default_node(node)],  # type: ignore[arg-type]
        PodStream.of([bare], [0], arrival=np.array([1.0])),
        [made(kind, kind.lower(), spec=spec) for kind, spec in SPECS.items()],
        queue="kube-scheduler",
    )
    built: list[Backplane] = []

    def connect(*arguments: Any) -> Backplane:
        built.append(Backplane(*arguments))
        return built[0]

    end_to_end(
        encode(workload),
        make_policy("kube-scheduler"),
        seed=1,
        parameters=Parameters(),
        connect=connect,
        components=full_nodes(),
        until=100.0,
    )
    calls = built[0].servers.audit.calls
    created = {kind for verb, kind, code in calls if (verb, code) == ("create", 201)}

    assert [call for call in calls if call[2] in {401, 403}] == []
    assert {"Pod", "ReplicaSet", "Job", "EndpointSlice", "Endpoints"} <= created
