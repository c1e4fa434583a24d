"""A workload under other names: nodes, pods, namespaces, label keys and values."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import Namespace
from schedbench.objects.workload import Workload

LABEL_MAPS = {"labels", "matchLabels", "nodeSelector"}
KEY_LISTS = {"matchLabelKeys", "mismatchLabelKeys"}


def relabelled(workload: Workload) -> Workload:
    """Return the workload under other names; what it means stays."""
    pods = dataclasses.replace(
        workload.pods, templates=[_renamed(pod) for pod in workload.pods.templates]
    )
    events = [
        dataclasses.replace(event, node=_renamed(event.node))
        for event in workload.node_events
    ]
    return dataclasses.replace(
        workload,
        nodes=[_renamed(node) for node in workload.nodes],
        pods=pods,
        objects=[_renamed(item) for item in workload.objects],
        node_events=events,
    )


def _renamed(item: Any) -> Any:
    content = _walk(msgspec.to_builtins(item))
    meta = content["metadata"]
    if isinstance(item, Node):
        meta["name"] = value(meta["name"])
    elif isinstance(item, Namespace):
        meta["name"] = space(meta["name"])
    elif isinstance(item, Pod):
        meta["name"] = f"other-{meta['name']}"
    selector = content.get("spec", {}).get("selector")
    if isinstance(selector, dict) and type(item).__name__ == "Service":
        content["spec"]["selector"] = _labels(selector)
    return msgspec.convert(content, type(item))


def _walk(content: Any) -> Any:
    if isinstance(content, list):
        return [_walk(one) for one in content]
    if not isinstance(content, dict):
        return content
    found = {name: _field(name, one) for name, one in content.items()}
    if "operator" in found and "values" in found:
        return _requirement(found)
    if "key" in found and "effect" in found:
        found["key"] = key(found["key"])
        found["value"] = value(found["value"])
    return found


def _field(name: str, content: Any) -> Any:
    if name in LABEL_MAPS and content is not None:
        return _labels(content)
    if name in KEY_LISTS:
        return [key(one) for one in content]
    if name == "topologyKey":
        return key(content)
    if name == "namespaces":
        return [space(one) for one in content]
    if name == "namespace":
        return space(content)
    return _walk(content)


def _requirement(content: dict[str, Any]) -> dict[str, Any]:
    if content["operator"] not in {"Gt", "Lt"}:
        content["values"] = [value(one) for one in content["values"]]
    if content["key"] != "metadata.name":
        content["key"] = key(content["key"])
    return content


def _labels(content: dict[str, str]) -> dict[str, str]:
    return {key(name): value(one) for name, one in content.items()}


def key(name: str) -> str:
    """Return another label key; keys that Kubernetes knows stay."""
    return name if not name or "kubernetes.io/" in name else f"key-{name}"


def value(text: str) -> str:
    """Return another label value; numbers and the empty value stay."""
    is_number = text.lstrip("+-").isdigit()
    return text if not text or is_number else f"value-{text}"


def space(name: str) -> str:
    """Return another namespace; none stays none."""
    return name and f"space-{name}"
