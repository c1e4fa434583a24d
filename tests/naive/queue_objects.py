"""Objects and sentences for tests of the queue's hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import pytest

from schedbench.objects.defaults import default_pod
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.scheduler.queueing.events import events_of
from schedbench.scheduler.queueing.hints import HintTable, default_hints

Doc = dict[str, Any]
ZONE = "topology.kubernetes.io/zone"
HINTS = default_hints()
WEB = {"app": "web"}
HintCase: TypeAlias = tuple[str, Pod, ApiObject | None, ApiObject | None, bool]
"""What happens, the rejected pod, the object before and after, whether it helps."""


def pod(name: str = "waiting", /, labels: Doc | None = None, **spec: Any) -> Pod:
    """Make a pod; `on` is its node, `nominated` the one meant for it."""
    status = {"nominatedNodeName": spec.pop("nominated", None)}
    meta = {
        "name": name,
        "namespace": spec.pop("namespace", "default"),
        "labels": labels or {},
    }
    spec["nodeName"] = spec.pop("on", None)
    document = {"metadata": meta, "spec": spec, "status": status}
    return default_pod(msgspec.convert(document, Pod))


def there(name: str = "other", /, **more: Any) -> Pod:
    """Make a pod that has a node."""
    return pod(name, on="node-0", **more)


def node(
    labels: Doc | None = None, allocatable: Doc | None = None, **spec: Any
) -> Node:
    """Make a node."""
    sizes = {"cpu": "4", "memory": "8Gi", "pods": "110"} | (allocatable or {})
    meta = {"name": "node-0", "labels": labels or {}}
    document = {"metadata": meta, "status": {"allocatable": sizes}, "spec": spec}
    return msgspec.convert(document, Node)


def make(kind: type[ApiObject], name: str = "x", /, **more: Any) -> Any:
    """Make any object."""
    meta = {"name": name} | more.pop("meta", {})
    return msgspec.convert({"metadata": meta, **more}, kind)


def helped(
    plugin: str,
    waiting: Pod,
    old: ApiObject | None,
    new: ApiObject | None,
    table: HintTable = HINTS,
) -> bool:
    """Return whether a change gets a pod tried that the plugin rejected."""
    return any(table.helps(plugin, waiting, event) for event in events_of(old, new))


def sentences(cases: Mapping[str, Sequence[HintCase]]) -> list[Any]:
    """Return the cases as parameters, each named by its plugin and sentence."""
    return [
        pytest.param(plugin, *case, id=f"{plugin}: {sentence}")
        for plugin, listed in cases.items()
        for sentence, *case in listed
    ]


def taint(effect: str = "NoSchedule") -> Doc:
    """Make a taint with the key `a`."""
    return {"key": "a", "value": "b", "effect": effect}


def tolerating(**more: Any) -> list[Doc]:
    """Make a toleration of any value."""
    return [{"operator": "Exists", **more}]
