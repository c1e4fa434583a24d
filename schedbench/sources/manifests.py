"""Manifests and cluster snapshots: files, folders and standard input.

What `kubectl get nodes,pods,… -A -o json` prints is a cluster with its pods: those
that name a node are bound from the start, the others wait to be scheduled.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from schedbench.errors import InputError, NotModelledError
from schedbench.objects.decode import decode_json, decode_object
from schedbench.objects.defaults import (
    default_node,
    default_pod,
    priority_classes_by_name,
)
from schedbench.objects.kinds import NAMESPACED, KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import Workload
from schedbench.sources.documents import parse_documents, read_source, unpacked
from schedbench.sources.interning import intern_pods
from schedbench.sources.json_lists import JsonList, cut_json_list

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
"""Names of the files that are read from a folder, each also with `.gz`."""

_SCHEDULING_GROUPS = frozenset(
    {
        "kubescheduler.config.k8s.io",
        "node.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
    }
)
_CONTROLLERS = frozenset(
    {
        "ReplicationController",
        "ReplicaSet",
        "StatefulSet",
        "Deployment",
        "DaemonSet",
        "Job",
        "CronJob",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Manifests:
    """API objects in the order in which they were read.

    Attributes
    ----------
    objects
        The objects; no defaults are filled in.
    notes
        What was passed over, one sentence each.
    """

    objects: list[KubernetesObject]
    notes: list[str]


def manifests_workload(target: Path | str, *, strict: bool = False) -> Workload:
    """Read a file, a folder or `-` as a cluster with its pods.

    Raises
    ------
    InputError
        As `load_manifests` and `workload_of` do.
    """
    name = "stdin" if str(target) == "-" else Path(target).name
    manifests = load_manifests(target, strict=strict)
    try:
        return workload_of(manifests, name, strict=strict)
    except InputError as error:
        raise error.at(source=target) from None


def load_manifests(target: Path | str, *, strict: bool = False) -> Manifests:
    """Read the API objects of a file, of a folder and those below it, or of `-`.

    Kinds that scheduling does not look at are passed over with a note; so are those
    that it does look at but schedbench does not know, unless `strict`.

    Raises
    ------
    NotModelledError
        If `strict` and an object matters to scheduling but has no model.
    InputError
        If something cannot be read, is malformed, or is there twice.
    """
    with _garbage_uncollected():
        return _load(target, strict=strict)


def workload_of(manifests: Manifests, name: str, *, strict: bool = False) -> Workload:
    """Turn API objects into a workload, filling in the API's defaults in place.

    Bound pods come first, then pending ones, each in order of creation where the
    objects tell it, else in the order given. Pods that ended are dropped, and so are
    pods on nodes that are not there, unless `strict`.

    Raises
    ------
    InputError
        If a pod names a priority class that is not there or, if `strict`, a node.
    """
    nodes = [default_node(item) for item in manifests.objects if isinstance(item, Node)]
    others = [item for item in manifests.objects if not isinstance(item, (Node, Pod))]
    classes = priority_classes_by_name(others)
    pods = _in_order_of_creation(
        [item for item in manifests.objects if isinstance(item, Pod)]
    )
    slots = {node.metadata.name: slot for slot, node in enumerate(nodes)}
    dropped: collections.Counter[str] = collections.Counter()
    bound: list[tuple[Pod, int]] = []
    pending: list[tuple[Pod, int]] = []
    for pod in pods:
        node = pod.spec.node_name
        if pod.status.phase in {"Succeeded", "Failed"}:
            dropped["dropped: they have ended"] += 1
        elif not node and pod.metadata.deletion_timestamp is not None:
            dropped["dropped: they are being deleted before they were placed"] += 1
        elif node and node not in slots:
            if strict:
                raise InputError(
                    "no such node",
                    where=f"Pod {pod.key} spec.nodeName",
                    value=node,
                    fix="add the node to the input, or remove the pod",
                )
            dropped["dropped: their node is not in the input"] += 1
        elif node:
            bound.append((default_pod(pod, classes), slots[node]))
        else:
            pending.append((default_pod(pod, classes), -1))
    notes = [*manifests.notes]
    notes += [f"{_count(n, 'Pod')} {what}" for what, n in sorted(dropped.items())]
    notes += _cluster_notes(nodes, others)
    return Workload(
        name=name,
        nodes=nodes,
        pods=intern_pods([*bound, *pending]),
        objects=others,
        notes=notes,
    )


def _load(target: Path | str, *, strict: bool) -> Manifests:
    objects: list[KubernetesObject] = []
    seen: dict[tuple[str, str, str], str] = {}
    ignored: collections.Counter[str] = collections.Counter()
    missed: collections.Counter[str] = collections.Counter()
    stray: list[str] = []
    for source, item, in_folder in _documents(target):
        found: KubernetesObject | None = item if not isinstance(item, dict) else None
        document: dict[str, Any] = item if isinstance(item, dict) else {}
        if found is None and in_folder and "kind" not in document:
            stray.append(source)
            continue
        try:
            found = found or decode_object(document, source)
        except NotModelledError:
            matters = _group(document) in _SCHEDULING_GROUPS
            if matters and strict:
                raise
            (missed if matters else ignored)[str(document["kind"])] += 1
            continue
        _refuse_twice(found, source, seen)
        objects.append(found)
    notes = [
        f"{_count(number, kind)} ignored: scheduling does not look at them"
        for kind, number in sorted(ignored.items())
    ]
    notes += [
        f"{_count(number, kind)} not modelled: results do not account for them"
        for kind, number in sorted(missed.items())
    ]
    notes += [f"{source} ignored: not an API object" for source in stray]
    return Manifests(objects, notes)


@contextlib.contextmanager
def _garbage_uncollected() -> Iterator[None]:
    """Hold the garbage collector back: 50,000 pods load in 3.5 s, else in 11 s.

    Millions of objects are made and all are kept, so every collection is in vain.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _documents(
    target: Path | str,
) -> Iterator[tuple[str, dict[str, Any] | KubernetesObject, bool]]:
    """Yield source, document or what was decoded from it, and whether in a folder."""
    path = Path(target)
    in_folder = str(target) != "-" and path.is_dir()
    for file in _files(path) if in_folder else [target]:
        data, label, form = read_source(file)
        text = unpacked(data, label)
        listed = None if form == "yaml" else cut_json_list(text)
        if listed is not None:
            for item in _items(listed, label):
                yield label, item, in_folder
            continue
        for source, document in parse_documents(text, label, form):
            for item in _flatten(document, source):
                yield source, item, in_folder


def _items(
    listed: JsonList, source: str
) -> Iterator[dict[str, Any] | KubernetesObject]:
    """Yield the objects of a list, and the documents that are not plainly objects."""
    typed = listed.kind != "List"
    kind = listed.kind.removesuffix("List") if typed else ""
    for text in listed.items:
        found = decode_json(text, kind, listed.version if typed else "")
        if found is not None:
            yield found
        else:
            head = {"kind": listed.kind, "apiVersion": listed.version or None}
            yield from _flatten(head | {"items": [msgspec.json.decode(text)]}, source)


def _files(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if Path(path.name.lower().removesuffix(".gz")).suffix in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
    if not files:
        raise InputError(
            "no manifests in the folder",
            source=folder,
            fix=f"expected {', '.join(sorted(SUFFIXES))}, also with .gz",
        )
    return files


def _flatten(document: dict[str, Any], source: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a list; those of a typed list have no kind of their own."""
    kind = document.get("kind")
    if not isinstance(kind, str) or not kind.endswith("List"):
        yield document
        return
    items = document.get("items")
    for index, item in enumerate([] if items is None else _list(items, source)):
        if not isinstance(item, dict):
            raise InputError(
                "expected an API object",
                source=source,
                where=f"items[{index}]",
                value=item,
                fix="give apiVersion and kind, such as v1 and Pod",
            )
        if kind != "List" and "kind" not in item:
            version = document.get("apiVersion")
            item = {"apiVersion": version, "kind": kind.removesuffix("List")} | item  # noqa: PLW2901
        yield from _flatten(item, source)


def _list(items: object, source: str) -> list[object]:
    if isinstance(items, list):
        return items
    raise InputError(
        "expected a list", source=source, where="items", value=items, fix="write a list"
    )


def _group(document: dict[str, Any]) -> str:
    return str(document.get("apiVersion") or "").rpartition("/")[0]


def _refuse_twice(
    found: KubernetesObject, source: str, seen: dict[tuple[str, str, str], str]
) -> None:
    kind, meta = type(found).__name__, found.metadata
    if not meta.name:
        if kind == "Pod" and meta.generate_name:
            return
        raise InputError(
            "no name", source=source, where=f"{kind} metadata.name", fix="give a name"
        )
    namespace = (meta.namespace or "default") if kind in NAMESPACED else ""
    key = (kind, namespace, meta.name)
    if key in seen:
        raise InputError(
            f"given twice, first in {seen[key]}"
            if seen[key] != source
            else "given twice",
            source=source,
            where=f"{kind} {found.key}",
            fix="keep one of them",
        )
    seen[key] = source


def _in_order_of_creation(pods: list[Pod]) -> list[Pod]:
    if all(pod.metadata.creation_timestamp for pod in pods):
        return sorted(pods, key=lambda pod: pod.metadata.creation_timestamp or "")
    return pods


def _cluster_notes(
    nodes: list[Node], others: Iterable[KubernetesObject]
) -> Iterator[str]:
    if not nodes:
        yield "no Node objects: nothing can be placed"
    closed = sum("pods" not in node.status.allocatable for node in nodes)
    if closed:
        yield f"{_count(closed, 'Node')} without allocatable pods: nothing fits there"
    kinds = collections.Counter(type(item).__name__ for item in others)
    for kind in sorted(_CONTROLLERS & kinds.keys()):
        yield f"{_count(kinds[kind], kind)}: only the pods in the input are scheduled"


def _count(number: int, kind: str) -> str:
    return f"{number:,} {kind} object{'' if number == 1 else 's'}"
