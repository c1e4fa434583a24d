"""Manifests, snapshots and folders as workloads."""

from __future__ import annotations

import gc
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from schedbench.errors import InputError, NotModelledError
from schedbench.objects.policy import PriorityClass
from schedbench.sources.manifests import load_manifests, manifests_workload

NODES = """
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {capacity: {cpu: "4", memory: 8Gi, pods: "110"}}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {capacity: {cpu: "4", memory: 8Gi, pods: "110"}}
"""


def pod(name: str, node: str | None = None, **more: Any) -> dict[str, Any]:
    """Make a pod as kubectl prints it."""
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"},
        "spec": {"containers": [{"name": "c"}]},
    }
    if node is not None:
        document["spec"]["nodeName"] = node
    for section, fields in more.items():
        document.setdefault(section, {}).update(fields)
    return document


def node(name: str) -> dict[str, Any]:
    """Make a node as kubectl prints it."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"allocatable": {"cpu": "4", "pods": "110"}},
    }


def snapshot(folder: Path, *items: dict[str, Any], name: str = "all.json") -> Path:
    """Write what `kubectl get … -o json` would print."""
    path = folder / name
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(items)})
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_snapshot(tmp_path: Path) -> None:
    """Pods that name a node are bound and not measured; the others wait."""
    path = snapshot(
        tmp_path, node("n1"), node("n2"), pod("a"), pod("b", "n2"), pod("c", "n1")
    )
    workload = manifests_workload(path)

    assert [item.metadata.name for item in workload.nodes] == ["n1", "n2"]
    assert workload.pods.names == ["shop/b", "shop/c", "shop/a"]
    assert workload.pods.node.tolist() == [1, 0, -1]
    assert workload.pods.measured.tolist() == [False, False, True]
    assert workload.name == "all.json"
    assert list(workload.notes) == []


def test_several_documents_with_defaults(tmp_path: Path) -> None:
    """Documents of one file are read in order and defaulted."""
    path = tmp_path / "shop.yaml"
    path.write_text(f"{NODES}---\nkind: Pod\nmetadata: {{name: web}}\n")
    workload = manifests_workload(path)

    assert workload.nodes[1].status.allocatable["memory"] == "8Gi"
    assert workload.pods.names == ["default/web"]
    assert workload.pods.templates[0].spec.priority == 0


def test_folder_is_read_in_order_of_names(tmp_path: Path) -> None:
    """A folder is all its manifests, also gzipped ones and those below it."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    snapshot(tmp_path, pod("p2"), name="c.json.gz")
    snapshot(tmp_path / "b", pod("p1"), name="pods.yml")
    snapshot(tmp_path / ".git", pod("hidden"))
    (tmp_path / "a.yaml").write_text(NODES)
    (tmp_path / "README.md").write_text("# not a manifest")
    (tmp_path / "values.yaml").write_text("replicas: 3")
    workload = manifests_workload(tmp_path)

    assert len(workload.nodes) == 2
    assert workload.pods.names == ["shop/p1", "shop/p2"]
    assert list(workload.notes) == [
        f"{tmp_path / 'values.yaml'} ignored: not an API object"
    ]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash is standard input."""
    stdin = io.TextIOWrapper(io.BytesIO(NODES.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    workload = manifests_workload("-")

    assert workload.name == "stdin"
    assert len(workload.nodes) == 2


def test_typed_list_gives_its_items_their_kind(tmp_path: Path) -> None:
    """Items of a PodList need no kind of their own; lists may hold lists."""
    inner = pod("a")
    del inner["kind"], inner["apiVersion"]
    pods = {"apiVersion": "v1", "kind": "PodList", "items": [inner]}
    manifests = load_manifests(snapshot(tmp_path, node("n1"), pods))

    assert [type(item).__name__ for item in manifests.objects] == ["Node", "Pod"]


def test_creation_order(tmp_path: Path) -> None:
    """Where all pods tell when they were created, that is their order."""
    pods = [
        pod(name, metadata={"creationTimestamp": f"2026-01-01T00:00:{second:02d}Z"})
        for name, second in (("a", 9), ("b", 3), ("c", 3))
    ]
    for item, name in zip(pods, "abc", strict=True):
        item["metadata"]["name"] = name
    workload = manifests_workload(snapshot(tmp_path, node("n1"), *pods))

    assert workload.pods.names == ["shop/b", "shop/c", "shop/a"]


def test_pods_that_take_no_part_are_dropped(tmp_path: Path) -> None:
    """Ended pods, pods on missing nodes and deleted pending pods go, with a note."""
    deleted = {"name": "d", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    workload = manifests_workload(
        snapshot(
            tmp_path,
            node("n1"),
            pod("a", "n1", status={"phase": "Succeeded"}),
            pod("b", status={"phase": "Failed"}),
            pod("c", "gone"),
            pod("d", metadata=deleted),
            pod("e", "n1", metadata=deleted | {"name": "e"}),
        )
    )

    assert workload.pods.names == ["shop/e"]
    assert list(workload.notes) == [
        "1 Pod object dropped: their node is not in the input",
        "1 Pod object dropped: they are being deleted before they were placed",
        "2 Pod objects dropped: they have ended",
    ]


def test_kinds_that_scheduling_ignores_are_counted(tmp_path: Path) -> None:
    """Objects without a class are counted by kind; those that matter apart."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    claim = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim"}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}
    path = snapshot(tmp_path, node("n1"), config, config, claim, job)
    workload = manifests_workload(path)

    assert [type(item).__name__ for item in workload.objects] == ["Job"]
    assert list(workload.notes) == [
        "2 ConfigMap objects ignored: scheduling does not look at them",
        "1 ResourceClaim object not modelled: results do not account for them",
        "1 Job object: only the pods in the input are scheduled",
    ]
    with pytest.raises(NotModelledError, match="ResourceClaim"):
        manifests_workload(path, strict=True)


def test_priority_classes_of_the_input_count(tmp_path: Path) -> None:
    """Pods take their priority from the classes beside them, wherever they stand."""
    high = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "high"},
        "value": 1000,
    }
    first = pod("a", spec={"priorityClassName": "high"})
    workload = manifests_workload(snapshot(tmp_path, node("n1"), first, high))

    assert workload.pods.templates[0].spec.priority == 1000
    assert isinstance(workload.objects[0], PriorityClass)


def test_unplaceable_clusters_are_noted(tmp_path: Path) -> None:
    """No nodes, or nodes without room for pods, are told before nothing fits."""
    bare = node("n1")
    del bare["status"]["allocatable"]["pods"]
    without = manifests_workload(snapshot(tmp_path, pod("a")))
    closed = manifests_workload(snapshot(tmp_path, bare))

    assert list(without.notes) == ["no Node objects: nothing can be placed"]
    assert list(closed.notes) == [
        "1 Node object without allocatable pods: nothing fits there"
    ]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        pytest.param(
            [node("n1"), node("n1")],
            "all.json: Node n1: given twice; keep one of them",
            id="a node given twice",
        ),
        pytest.param(
            [pod("a"), pod("a", "n1")],
            "all.json: Pod shop/a: given twice; keep one of them",
            id="a pod given twice",
        ),
        pytest.param(
            [{"kind": "Node"}],
            "all.json: Node metadata.name: no name; give a name",
            id="a node without name",
        ),
        pytest.param(
            [5],
            "all.json: items[0]: expected an API object: 5; "
            "give apiVersion and kind, such as v1 and Pod",
            id="a list of numbers",
        ),
        pytest.param(
            [{"a": 1}],
            "all.json: not an API object: no kind; "
            "give apiVersion and kind, such as v1 and Pod",
            id="an item without kind",
        ),
        pytest.param(
            [{"kind": "PodList", "items": {}}],
            "all.json: items: expected a list: {}; write a list",
            id="a list that is none",
        ),
        pytest.param(
            [node("n1"), pod("a", spec={"priorityClassName": "gone"})],
            "all.json: Pod shop/a spec.priorityClassName: no such PriorityClass: "
            "'gone'; add the PriorityClass to the input, or set spec.priority",
            id="a priority class that is not there",
        ),
        pytest.param(
            [pod("a", "gone")],
            "all.json: Pod shop/a spec.nodeName: no such node: 'gone'; "
            "add the node to the input, or remove the pod",
            id="a node that is not there",
        ),
        pytest.param(
            [node("n1") | {"status": {"allocatable": {"cpu": "4K"}}}],
            "all.json: Node n1 status.allocatable[cpu]: malformed quantity: '4K'; "
            "write 4k (thousands) or 4Ki (1024s)",
            id="a malformed quantity",
        ),
    ],
)
def test_bad_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    items: list[dict[str, Any]],
    message: str,
) -> None:
    """One message tells the file, the object, the value and what to do."""
    snapshot(tmp_path, *items)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        manifests_workload("all.json", strict=True)

    assert message == str(caught.value)


def test_twice_in_two_files(tmp_path: Path) -> None:
    """The message for a duplicate names both files."""
    (tmp_path / "a.yaml").write_text(NODES)
    (tmp_path / "b.yaml").write_text(NODES)
    with pytest.raises(InputError, match=r"b\.yaml.*first in .*a\.yaml"):
        load_manifests(tmp_path)


def test_folder_without_manifests_is_refused(tmp_path: Path) -> None:
    """An empty folder is an error, not an empty cluster."""
    with pytest.raises(InputError, match="no manifests in the folder"):
        load_manifests(tmp_path)


def test_garbage_collection_is_as_before(tmp_path: Path) -> None:
    """Loading leaves the garbage collector as it was, also when it fails."""
    path = snapshot(tmp_path, node("n1"))
    assert gc.isenabled()
    load_manifests(path)
    assert gc.isenabled()
    with pytest.raises(InputError):
        load_manifests(tmp_path / "gone.yaml")

    assert gc.isenabled()
