"""Nodes without a topology label, where other nodes have it with an empty value."""

from __future__ import annotations

import msgspec
import pytest

from schedbench.cluster.encode import encode
from schedbench.objects.defaults import default_node, default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.policies.registry import make_policy
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import ENGINES, Engine, replay

TERM = {"topologyKey": "rack", "labelSelector": {"matchLabels": {"app": "web"}}}


def bound(engine: Engine, second: dict[str, str]) -> int:
    """Return how many of two pods that keep apart get a node of two."""
    nodes = [
        default_node(
            msgspec.convert(
                {
                    "metadata": {"name": name, "labels": labels},
                    "status": {"allocatable": {"cpu": "4", "pods": "9"}},
                },
                Node,
            )
        )
        for name, labels in (("first", {"rack": ""}), ("second", second))
    ]
    anti = {"requiredDuringSchedulingIgnoredDuringExecution": [TERM]}
    pod = {
        "metadata": {"namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{}], "affinity": {"podAntiAffinity": anti}},
    }
    template = default_pod(msgspec.convert(pod, Pod))
    stream = PodStream.of([template], [0, 0])
    policy = make_policy("kube-scheduler[ties=first]")
    record = replay(
        encode(Workload("racks", nodes, stream)), policy, seed=1, engine=engine
    )
    return int((record.kind == EventKind.BIND).sum())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_label_is_as_good_as_an_empty_one_to_anti_affinity(
    engine: Engine,
) -> None:
    """Upstream looks a missing label up as "", and finds the pod in the rack ""."""
    assert bound(engine, {}) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_another_value_is_another_domain(engine: Engine) -> None:
    """The rack "b" is not the rack ""."""
    assert bound(engine, {"rack": "b"}) == 2
