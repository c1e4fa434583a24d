"""A whole cluster: from a created object to pods that are ready, through every part."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

from schedbench.cluster.encode import encode
from schedbench.controlplane.parameters import Parameters
from schedbench.objects.controllers import Deployment
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.end_to_end import Told, end_to_end
from schedbench.simulation.full_nodes import full_nodes

STEPS = [
    "applied",
    "admitted",
    "stored",
    "seen_by_scheduler",
    "decided",
    "bound",
    "seen_by_kubelet",
    "sandbox",
    "pulled",
    "started",
    "ready",
]
"""The way of a pod without a service."""
SPEC = {
    "containers": [
        {"name": "c", "image": "web:1", "resources": {"requests": {"cpu": "1"}}}
    ]
}


def node(name: str) -> Node:
    """Make a node of four cores."""
    room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    document = {
        "metadata": {"name": name},
        "status": {"capacity": room, "allocatable": room},
    }
    return default_node(msgspec.convert(document, Node))


def played(objects: list[Any], pods: int, seed: int = 1) -> Told:
    """Play some bare pods and some objects on three nodes."""
    meta = {"generateName": "bare-", "namespace": "default"}
    template = default_pod(msgspec.convert({"metadata": meta, "spec": SPEC}, Pod))
    stream = PodStream.of([template], [0] * pods, arrival=5 + np.arange(pods) / 10.0)
    workload = Workload(
        "whole",
        [node(name) for name in "abc"],
        stream,
        objects,
        queue="kube-scheduler",
    )
    return end_to_end(
        encode(workload),
        make_policy("kube-scheduler"),
        seed=seed,
        parameters=Parameters(),
        components=full_nodes(),
    )


def web(replicas: int) -> Deployment:
    """Make a Deployment."""
    labels = {"app": "web"}
    document = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": SPEC},
        },
    }
    return msgspec.convert(document, Deployment)


def test_every_pod_takes_every_step_in_causal_order() -> None:
    """A pod is applied, admitted, stored, decided, bound, pulled, started and ready."""
    told = played([], 8)
    frame = told.timelines.frame(told.ends)[STEPS]

    assert len(frame) == 8
    assert not frame.isna().any(axis=None)
    assert (frame.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_a_deployment_becomes_ready_pods() -> None:
    """Its pods are made by the controllers and run on the nodes by the kubelets."""
    told = played([web(5)], 0)
    frame = told.timelines.frame(told.ends)

    assert len(frame) == 5
    assert frame["ready"].notna().all()


def test_pods_that_fit_nowhere_wait_unbound() -> None:
    """Of fourteen pods of a core each, twelve get a core of three nodes' twelve."""
    told = played([], 14)
    frame = told.timelines.frame(told.ends)

    assert frame["bound"].notna().sum() == 12
    assert frame["ready"].notna().sum() == 12


def test_a_seed_gives_the_same_run_to_the_digit() -> None:
    """Nothing depends on anything but workload, policy, parameters and seed."""
    runs = [played([web(3)], 5, seed) for seed in (1, 1, 2)]
    one, same, other = (run.timelines.frame(run.ends) for run in runs)

    pd.testing.assert_frame_equal(one, same)
    assert runs[0].record.digest == runs[1].record.digest
    assert not one.equals(other)
