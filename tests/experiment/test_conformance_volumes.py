"""Volumes in the conformance drive: the recorded group, and what stands before what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schedbench.experiment.conformance.cases import Case, Decision, read_cases
from schedbench.experiment.conformance.drive import attempts
from schedbench.experiment.conformance.engines import ENGINES
from schedbench.experiment.conformance.report import play
from schedbench.experiment.conformance.world import CaseWorld
from schedbench.plugins.base import Status
from schedbench.plugins.volume_binding import APART, UNMATCHED
from schedbench.plugins.volume_restrictions import DISK, IN_USE
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.profiles import read_profiles
from schedbench.scheduler.storage import VolumesBeside

NODES = ("a", "b")
LONELY = "node(s) didn't match pod affinity rules"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_recorded_group_is_equal(shared: Path, engine: str) -> None:
    """No decision differs; where preemption is missing, only its cases are left out."""
    found = play(read_cases([shared / "conformance"], ["volumes"]), [engine], show=1)
    (group,) = found.groups

    assert found.shown == []
    assert (group.cases, group.pods) == (120, 696)
    assert group.needs.keys() <= {"DefaultPreemption"}
    assert group.equal == 696 - group.needs["DefaultPreemption"] >= 672


def test_a_missing_claim_stops_the_pod(tmp_path: Path) -> None:
    """PreFilter stops a pod whose claim is not there, on every node."""
    (found,) = decided(tmp_path, pending=[pod("p", claim="nowhere")])
    reason = 'persistentvolumeclaim "nowhere" not found'

    assert "chosen" not in found
    assert found["preFilterMessage"] == reason
    assert found["message"] == f"0/2 nodes are available: {reason}. not found"
    assert found["postFilterError"]
    assert {one["plugin"] for one in found["infeasible"].values()} == {
        "VolumeRestrictions"
    }


def test_named_nodes_that_conflict_stop_a_pod_first(tmp_path: Path) -> None:
    """NodeAffinity's PreFilter runs before those of the volume plugins."""
    lost = pod("p", claim="nowhere", affinity=named("a", "b"))
    terms = lost["spec"]["affinity"]["nodeAffinity"]
    required = terms["requiredDuringSchedulingIgnoredDuringExecution"]
    (fields,) = required["nodeSelectorTerms"]
    fields["matchFields"] = [
        {**fields["matchFields"][0], "values": [name]} for name in NODES
    ]
    (found,) = decided(tmp_path, pending=[lost])

    assert found["preFilterMessage"] == "pod affinity terms conflict"


def test_the_order_of_rejections(tmp_path: Path) -> None:
    """NodeResourcesFit speaks before the volume plugins, InterPodAffinity after."""
    full = pod("full", node="a", cpu="4")
    holder = pod("holder", node="b", disk="d")
    other = node("c")
    friendless = pod("p", cpu="1", disk="d", affinity=friends("nobody"))
    (found,) = decided(
        tmp_path,
        nodes=[*map(node, NODES), other],
        bound=[full, holder],
        pending=[friendless],
    )

    assert reasons(found) == {
        "a": ("NodeResourcesFit", "Insufficient cpu"),
        "b": ("VolumeRestrictions", DISK),
        "c": ("InterPodAffinity", LONELY),
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_the_choice_is_among_the_nodes_left(tmp_path: Path, engine: str) -> None:
    """The best node by its scores is not taken if a volume plugin rejects it."""
    objects = [volume("v", "b"), claim("c", "v")]
    loaded = pod("loaded", node="b", cpu="2")
    plain, bound = pod("plain", cpu="1"), pod("p", claim="c", cpu="1")
    first, found = decided(
        tmp_path,
        engine=engine,
        objects=objects,
        bound=[loaded],
        pending=[plain, bound],
    )

    assert (first["chosen"], first["scores"].keys() >= {"NodeResourcesFit"}) == (
        "a",
        True,
    )
    assert (found["feasible"], found["chosen"]) == (["b"], "b")
    assert reasons(found) == {"a": ("VolumeBinding", APART)}
    assert "scores" not in found


def test_reserve_takes_the_volume(tmp_path: Path) -> None:
    """A volume that was taken for one pod is gone for the next."""
    objects = [waiting(), volume("v", "b"), claim("c"), claim("d")]
    pods = [pod("p", claim="c"), pod("q", claim="d")]
    first, second = decided(tmp_path, objects=objects, pending=pods)

    assert first["chosen"] == "b"
    assert reasons(second) == dict.fromkeys(NODES, ("VolumeBinding", UNMATCHED))


def test_without_reserve_nothing_is_taken(tmp_path: Path) -> None:
    """A profile without VolumeBinding looks at no claim and takes no volume."""
    objects = [waiting(), volume("v", "b"), claim("c"), claim("d")]
    pods = [pod("p", claim="c"), pod("q", claim="d")]
    first, second = decided(
        tmp_path, objects=objects, pending=pods, config=without("VolumeBinding")
    )

    assert first["feasible"] == second["feasible"] == list(NODES)


def test_a_claim_for_one_pod_is_in_use_on_nodes_cut_away(tmp_path: Path) -> None:
    """Nodes that PreFilter cut away still count for ReadWriteOncePod claims."""
    objects = [
        volume("v", "a", "b", modes=["ReadWriteOncePod"]),
        claim("c", "v", modes=["ReadWriteOncePod"]),
    ]
    (found,) = decided(
        tmp_path,
        objects=objects,
        bound=[pod("user", node="a", claim="c")],
        pending=[pod("p", claim="c", affinity=named("b"))],
    )

    assert reasons(found)["b"] == ("VolumeRestrictions", IN_USE)
    assert reasons(found)["a"][0] == ""


@pytest.mark.parametrize(
    ("events", "feasible"),
    [
        ([], ["b"]),
        ([{"before": 1, "op": "deletePod", "pod": "default/p"}], ["a", "b"]),
        ([{"before": 1, "op": "removeNode", "name": "b"}], []),
    ],
)
def test_pods_come_and_go(
    tmp_path: Path, events: list[dict], feasible: list[str]
) -> None:
    """The disk of a placed pod is taken until the pod goes."""
    pods = [pod("p", disk="d"), pod("q", disk="d")]
    _, found = decided(tmp_path, pending=pods, events=events)

    assert found.get("feasible", []) == feasible


def test_pods_of_a_node_that_returns(tmp_path: Path) -> None:
    """A node comes back with the disks of its pods."""
    away = {"before": 1, "op": "removeNode", "name": "a"}
    back = {"before": 2, "op": "addNode", "node": node("a")}
    pods = [pod(name, disk="d") for name in "pqr"]
    first, second, third = decided(tmp_path, pending=pods, events=[away, back])

    assert [first["chosen"], second["chosen"]] == ["a", "b"]
    assert reasons(third) == dict.fromkeys(NODES, ("VolumeRestrictions", DISK))


@pytest.mark.parametrize("profiles", [1, 2])
def test_node_updates(tmp_path: Path, profiles: int) -> None:
    """A volume reaches a node from when its labels say so, in every profile."""
    names = ["default-scheduler", "second"][:profiles]
    config = configuration(*({"schedulerName": name} for name in names))
    objects = [volume("v", "b", key="disk"), claim("c", "v")]
    update = {"before": 1, "op": "updateNode", "node": node("a", disk="b")}
    pods = [
        pod("p", claim="c"),
        pod("q", claim="c", scheduler=names[-1]),
    ]
    first, second = decided(
        tmp_path, objects=objects, pending=pods, events=[update], config=config
    )

    assert reasons(first) == dict.fromkeys(NODES, ("VolumeBinding", APART))
    assert second["chosen"] == "a"


def test_sampled_attempts_look_at_volumes(tmp_path: Path) -> None:
    """With sampling too, only nodes that the volume plugins leave are chosen."""
    objects = [volume("v", "b"), claim("c", "v")]
    pods = [pod("p", claim="c"), pod("q", claim="nowhere"), pod("r")]
    found = decided(tmp_path, objects=objects, pending=pods, order=[0, 1])

    assert found[0]["feasibleIdx"] == [1]
    assert found[0]["chosen"] == "b"
    assert "chosen" not in found[1]
    assert found[2]["feasibleIdx"] == [0, 1]


def test_sampled_attempts_take_volumes(tmp_path: Path) -> None:
    """With sampling too, a volume that was taken is gone for the next pod."""
    objects = [waiting(), volume("v", "b"), claim("c"), claim("d")]
    pods = [pod("p", claim="c"), pod("q", claim="d")]
    first, second = decided(tmp_path, objects=objects, pending=pods, order=[0, 1])

    assert first["chosen"] == "b"
    assert second["numFeasible"] == 0
    assert second["message"] == f"0/2 nodes are available: 2 {UNMATCHED}."


def test_dry_runs_count_claims_in_use_as_upstream(tmp_path: Path) -> None:
    """What comes and goes shifts the count; by names alone, whatever the namespace."""
    objects = [
        volume("v", *NODES, modes=["ReadWriteOncePod"]),
        claim("c", "v", modes=["ReadWriteOncePod"]),
    ]
    user, stranger = pod("user", node="a", claim="c"), pod("other", claim="c")
    stranger["metadata"]["namespace"] = "elsewhere"
    case = case_of(
        tmp_path, objects=objects, bound=[user], pending=[pod("p", claim="c"), stranger]
    )
    world, (settings,) = CaseWorld(case), read_profiles(None).values()
    run = VolumesBeside(world.volumes, settings, case.pending[0])
    in_use = Rejected("VolumeRestrictions", Status((IN_USE,), unresolvable=False))

    assert run.refusal(1, None) == in_use
    run.take(case.bound[0], 0)
    assert run.refusal(0, None) is run.refusal(1, None) is None
    run.put(case.pending[1], 1)
    assert run.refusal(0, None) == in_use
    assert VolumesBeside(world.volumes, settings, case.pending[0]).conflicts == 0


def test_dry_runs_keep_the_order_of_rejections(tmp_path: Path) -> None:
    """Of two plugins that reject a node, the one that the profile runs first speaks."""
    objects = [volume("v", "b"), claim("c", "v")]
    case = case_of(tmp_path, objects=objects, pending=[pod("p", claim="c")])
    world, (settings,) = CaseWorld(case), read_profiles(None).values()
    run = VolumesBeside(world.volumes, settings, case.pending[0])
    early, late = (
        Rejected(name, Status(("no",), unresolvable=False))
        for name in ("NodeResourcesFit", "InterPodAffinity")
    )
    apart = Rejected("VolumeBinding", Status((APART,), unresolvable=True))

    assert [run.refusal(0, found) for found in (early, late, None)] == [
        early,
        apart,
        apart,
    ]
    assert [run.refusal(1, found) for found in (early, late, None)] == [
        early,
        late,
        None,
    ]


def case_of(folder: Path, order: list[int] | None = None, **given: Any) -> Case:
    """Return a case made of what is given."""
    document = {
        "id": "toy-0",
        "group": "toy",
        "config": None,
        "nodes": [*map(node, NODES)],
        "objects": [],
        "bound": [],
        "events": [],
        **given,
    }
    expected = [{"pod": one["metadata"]["name"]} for one in document["pending"]]
    record = {"case": document, "expected": expected}
    if order is not None:
        record["order"] = order
    path = folder / "toy.jsonl"
    path.write_text(json.dumps(record))
    (case,) = read_cases([path])
    return case


def decided(folder: Path, engine: str = "scan", **given: Any) -> list[Decision]:
    """Play a case made of what is given; return our decisions."""
    return [one.decision for one in attempts(case_of(folder, **given), engine)]


def reasons(found: Decision) -> dict[str, tuple[str, str]]:
    """Return node → who rejected it, and its single reason."""
    told = {}
    for name, one in found["infeasible"].items():
        (reason,) = one["reasons"]
        told[name] = (one["plugin"], reason)
    return told


def node(name: str, **labels: str) -> dict[str, Any]:
    """Return a node with its name as a label."""
    return {
        "metadata": {"name": name, "labels": {"host": name, **labels}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}},
    }


def pod(
    name: str,
    *,
    node: str | None = None,
    cpu: str | None = None,
    claim: str | None = None,
    disk: str | None = None,
    affinity: dict[str, Any] | None = None,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Return a pod, with a claim or a disk that cannot be shared."""
    volumes: list[dict[str, Any]] = []
    if claim is not None:
        volumes.append({"name": "c", "persistentVolumeClaim": {"claimName": claim}})
    if disk is not None:
        volumes.append({"name": "d", "gcePersistentDisk": {"pdName": disk}})
    requests = {"cpu": cpu} if cpu is not None else {}
    spec = {
        "containers": [{"name": "c", "resources": {"requests": requests}}],
        "nodeName": node,
        "volumes": volumes,
        "affinity": affinity,
        "schedulerName": scheduler,
    }
    spec = {key: value for key, value in spec.items() if value is not None}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def named(*names: str) -> dict[str, Any]:
    """Return an affinity to nodes of these names."""
    field = {"key": "metadata.name", "operator": "In", "values": list(names)}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def friends(app: str) -> dict[str, Any]:
    """Return an affinity to pods of an application."""
    term = {"topologyKey": "host", "labelSelector": {"matchLabels": {"app": app}}}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def volume(
    name: str, *hosts: str, key: str = "host", modes: list[str] | None = None
) -> dict[str, Any]:
    """Return a volume that is reached from nodes with these labels."""
    match = {"key": key, "operator": "In", "values": list(hosts)}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [match]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": modes or ["ReadWriteOnce"],
            "storageClassName": "late",
            "nodeAffinity": {"required": terms},
        },
        "status": {"phase": "Available"},
    }


def claim(
    name: str, bound: str | None = None, modes: list[str] | None = None
) -> dict[str, Any]:
    """Return a claim, bound to a volume if one is given."""
    metadata: dict[str, Any] = {"name": name, "namespace": "default"}
    spec: dict[str, Any] = {
        "accessModes": modes or ["ReadWriteOnce"],
        "storageClassName": "late",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    if bound is not None:
        spec["volumeName"] = bound
        metadata["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Bound" if bound is not None else "Pending"},
    }


def waiting() -> dict[str, Any]:
    """Return a class whose claims wait for a pod and are never provisioned."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "late"},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def configuration(*profiles: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration of these profiles."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "profiles": list(profiles),
    }


def without(plugin: str) -> dict[str, Any]:
    """Return a configuration whose only profile does not run a plugin."""
    disabled = {"multiPoint": {"disabled": [{"name": plugin}]}}
    return configuration({"schedulerName": "default-scheduler", "plugins": disabled})
