"""Recorded cases: a cluster, pods, and what the real kube-scheduler decided.

A file holds one JSON document a line, `{"case": …, "expected": […]}`, often gzipped.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import (
    default_node,
    default_pod,
    priority_classes_by_name,
)
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.sources.documents import read_source

SUFFIXES = (".jsonl", ".jsonl.gz")
"""Names of the files that are read from a folder."""

Decision = dict[str, Any]
"""One recorded decision, or ours in the same form."""

Operation = Literal["removeNode", "addNode", "updateNode", "deletePod"]


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """A change of the cluster just before `pending[before]` is tried.

    `name` is the node's, or the pod's as `namespace/name`.
    """

    before: int
    operation: Operation
    name: str
    node: Node | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A cluster with pods to be scheduled one after another.

    Attributes
    ----------
    identity, group
        Names of the case and of its group.
    config
        The KubeSchedulerConfiguration, or None for the default one.
    nodes
        The nodes in the order in which the scheduler learned of them.
    objects
        The other API objects.
    bound
        Pods on nodes, in the order in which they came; those that ended are left out.
    pending
        Pods in the order in which they are tried.
    events
        Changes between the attempts.
    sampled
        Whether the recording looked at as many nodes as the configuration says; if
        not, it looked at all, whatever the configuration says.
    order
        The recorded node list before the first attempt, for a sampled case.
    expected
        What was decided, one for each pending pod.
    """

    identity: str
    group: str
    config: Mapping[str, Any] | None
    nodes: Sequence[Node]
    objects: Sequence[KubernetesObject]
    bound: Sequence[Pod]
    pending: Sequence[Pod]
    events: Sequence[Event]
    sampled: bool
    order: Sequence[int]
    expected: Sequence[Decision]


def read_cases(
    targets: Sequence[Path | str], groups: Collection[str] = ()
) -> Iterator[Case]:
    """Yield the cases of files and folders, those of the given groups if any is.

    Raises
    ------
    InputError
        If there is no such file, nothing to read in a folder, or a line is not a case.
    """
    for file in case_files(targets):
        for number, line in enumerate(_lines(file), 1):
            if line.strip():
                yield from _read(line, f"{file}: line {number}", groups)


def case_files(targets: Sequence[Path | str]) -> list[Path]:
    """Return the files of cases, those of folders in alphabetical order."""
    found: dict[Path, None] = {}
    for target in map(Path, targets):
        if not target.is_dir():
            found[target] = None
            continue
        inside = sorted(p for p in target.rglob("*") if p.name.endswith(SUFFIXES))
        if not inside:
            raise InputError(
                "no recorded cases in the folder",
                source=target,
                fix=f"expected files named *{' or *'.join(SUFFIXES)}",
            )
        found |= dict.fromkeys(inside)
    return list(found)


def _lines(file: Path) -> Iterator[bytes]:
    data, label, _ = read_source(file)
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(f"damaged gzip data ({error})", source=label) from None
    return iter(io.BytesIO(data))


def _read(line: bytes, place: str, groups: Collection[str]) -> Iterator[Case]:
    try:
        document = msgspec.json.decode(line, type=dict[str, Any])
        if not groups or document["case"]["group"] in groups:
            yield decode_case(**document)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"not a recorded case ({type(error).__name__}: {error})",
            source=place,
            fix='expected {"case": {…}, "expected": […]}',
        ) from None
    except InputError as error:
        raise error.at(source=place) from None


def decode_case(
    case: Mapping[str, Any],
    expected: Sequence[Decision],
    order: Sequence[int] | None = None,
) -> Case:
    """Return a case of the recorded format with the defaults of an API server.

    A case is sampled if it says so itself or has an order.

    Raises
    ------
    InputError
        If an object is wrong, or there is not one decision for each pending pod.
    """
    objects = [decode_object(item) for item in case.get("objects") or ()]
    classes = priority_classes_by_name(objects)
    bound = [default_pod(pod, classes) for pod in _pods(case.get("bound"))]
    pending = [default_pod(pod, classes) for pod in _pods(case.get("pending"))]
    if len(expected) != len(pending):
        raise InputError(f"{len(expected)} decisions for {len(pending)} pods")
    return Case(
        identity=case["id"],
        group=case["group"],
        config=case.get("config"),
        nodes=[_node(item) for item in case.get("nodes") or ()],
        objects=objects,
        bound=[p for p in bound if p.status.phase not in {"Succeeded", "Failed"}],
        pending=pending,
        events=[_event(item) for item in case.get("events") or ()],
        sampled=order is not None or bool(case.get("sampling")),
        order=order or (),
        expected=expected,
    )


def _node(document: dict[str, Any]) -> Node:
    found = decode_object({"apiVersion": "v1", "kind": "Node"} | document)
    if not isinstance(found, Node):
        raise InputError("expected a Node", value=document.get("kind"))
    return default_node(found)


def _pods(documents: list[dict[str, Any]] | None) -> Iterator[Pod]:
    for document in documents or ():
        found = decode_object({"apiVersion": "v1", "kind": "Pod"} | document)
        if not isinstance(found, Pod):
            raise InputError("expected a Pod", value=document.get("kind"))
        yield found


def _event(given: dict[str, Any]) -> Event:
    node = _node(given["node"]) if "node" in given else None
    name = node.metadata.name if node else given.get("name") or given["pod"]
    return Event(given["before"], given["op"], name, node)
