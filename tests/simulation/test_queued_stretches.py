"""How far the compiled loop goes while pods wait, and that it tells the same."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from queued_sentences import Told, node, pod, told, workload

from schedbench.objects.kinds import KINDS
from schedbench.objects.workload import NodeEvent, Workload
from schedbench.simulation.queued import run as queued_run
from schedbench.simulation.queued.batch import CompiledBatch
from schedbench.simulation.queued.preempting import CompiledPreemption
from schedbench.simulation.queued.stretch import CompiledStretch

DRIVER = "ebs.csi.aws.com"


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pods that are tried outside of compiled code, as they come."""
    found: list[str] = []
    attempt = queued_run.Attempt

    def counted(world: Any, tried: Any, *more: Any, **options: Any) -> Any:
        found.append(tried.metadata.name)
        return attempt(world, tried, *more, **options)

    monkeypatch.setattr(queued_run, "Attempt", counted)
    return found


def without_the_loop(given: Workload) -> Told:
    """Play a workload pod by pod and return what happened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledStretch, "run", lambda *arguments: None)
        patch.setattr(CompiledBatch, "run", lambda *arguments: None)
        patch.setattr(CompiledPreemption, "run", lambda *arguments: 0)
        return told(given)


def test_a_pod_that_nothing_helps_does_not_stop_the_loop(attempts: list[str]) -> None:
    """Pods that lack resources or have gates wait aside while others are placed."""
    gated = pod(schedulingGates=[{"name": "wait"}])
    given = workload(
        [node("a", "64")],
        [gated, pod("100"), pod("100m")],
        *map(float, range(52)),
        template=[0, 1] + [2] * 50,
    )

    assert sum(one[1] == "BIND" for one in told(given)) == 50
    assert len(attempts) == 2  # the second when five minutes are over


def test_a_pod_that_helps_another_stops_the_loop() -> None:
    """A pod with the labels that a waiting pod wants beside it gets that one tried."""
    term = {
        "labelSelector": {"matchLabels": {"app": "web"}},
        "topologyKey": "kubernetes.io/hostname",
    }
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    host = {"kubernetes.io/hostname": "a"}
    given = workload(
        [node("a", "8", **host)],
        [
            pod("100m", affinity={"podAffinity": rule}),
            pod("100m"),
            pod("100m", labels={"app": "web"}),
        ],
        *(0.0, 1.0, 2.0, 3.0, 20.0, 21.0),
        template=[0, 1, 1, 1, 2, 1],
    )
    found = told(given)

    assert (20.0, "BIND", 0, "a") in found
    assert found == without_the_loop(given)


def test_pods_in_line_are_placed_by_the_loop(attempts: list[str]) -> None:
    """When a node comes, those that wait for it need no attempts one by one."""
    given = workload(
        [node("a", "1")],
        [pod("1")],
        template=[0] * 30,
        node_events=[NodeEvent(50.0, "add", node("b", "20"))],
    )
    found = told(given)

    assert sum(one[:2] == (50.0, "BIND") for one in found) == 20
    assert len(attempts) == 2
    assert found == without_the_loop(given)


def test_a_waiting_pod_is_deleted_while_the_loop_runs() -> None:
    """It is not tried any more when room returns."""
    given = workload(
        [node("a", "1")],
        [pod("1"), pod("500m")],
        *(0.0, 1.0, 2.0, 30.0),
        template=[0, 0, 1, 1],
        duration=np.array([20.0, np.inf, np.inf, np.inf]),
        deletion=np.array([np.inf, 5.0, np.inf, np.inf]),
    )
    found = told(given)

    assert [one for one in found if one[2] == 1] == [
        (1.0, "UNSCHEDULABLE", 1, None),
        (5.0, "DELETE", 1, None),
    ]
    assert found == without_the_loop(given)


def test_bound_volumes_are_placed_by_the_loop_up_to_their_limit(
    attempts: list[str],
) -> None:
    """No node takes more volumes than it can attach; who finds none waits."""
    nodes = [node(name, "16") for name in ("a", "b")]
    given = workload(
        nodes,
        [with_claim(index) for index in range(9)] + [pod("100m")],
        *map(float, range(10)),
        objects=[
            *(csi_node(name, 4) for name in ("a", "b")),
            *(item for index in range(9) for item in bound_claim(index)),
        ],
    )
    found = told(given)
    in_attempts = len(attempts)

    in_vain = [(8.0, "UNSCHEDULABLE"), (330.0, "UNSCHEDULABLE")]
    assert [one[:2] for one in found if one[1] != "BIND"] == in_vain
    assert [one[2] for one in found if one[1] == "BIND"] == [*range(8), 9]
    assert in_attempts == 3
    assert found == without_the_loop(given)


def with_claim(index: int) -> Any:
    """Make a pod that mounts a claim of its own."""
    claim = {"claimName": f"claim-{index}"}
    return pod("100m", volumes=[{"name": "v", "persistentVolumeClaim": claim}])


def bound_claim(index: int) -> list[Any]:
    """Make a claim and the volume that it is bound to."""
    mode = ["ReadWriteOnce"]
    size = {"storage": "1Gi"}
    disk = {"driver": DRIVER, "volumeHandle": f"disk-{index}"}
    claim = {
        "metadata": {
            "name": f"claim-{index}",
            "namespace": "default",
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
        "spec": {
            "accessModes": mode,
            "resources": {"requests": size},
            "volumeName": f"volume-{index}",
        },
        "status": {"phase": "Bound"},
    }
    volume = {
        "metadata": {"name": f"volume-{index}"},
        "spec": {"accessModes": mode, "capacity": size, "csi": disk},
    }
    return [
        made("PersistentVolumeClaim", claim),
        made("PersistentVolume", volume),
    ]


def csi_node(name: str, count: int) -> Any:
    """Make what a node says of the volumes that it can attach."""
    driver = {"name": DRIVER, "nodeID": name, "allocatable": {"count": count}}
    return made("CSINode", {"metadata": {"name": name}, "spec": {"drivers": [driver]}})


def made(kind: str, document: dict[str, Any]) -> Any:
    """Make an object of a kind."""
    return msgspec.convert(document, KINDS[kind])
