"""Pods and nodes made by hand, for tests of small cases."""

from __future__ import annotations

from typing import Any

import msgspec

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

Case = dict[str, Any]


def make_pod(name: str = "pod", /, **spec: Any) -> Pod:
    """Make a pod from a spec as in a manifest."""
    annotations = spec.pop("annotations", {})
    meta = {"name": name, "namespace": "default", "annotations": annotations}
    return msgspec.convert({"metadata": meta, "spec": spec}, Pod)


def asking(cpu: str | None = None, memory: str | None = None, **more: str) -> Case:
    """Make a container that asks for resources."""
    asked = {"cpu": cpu, "memory": memory, **more}
    return {
        "resources": {"requests": {k: v for k, v in asked.items() if v is not None}}
    }


def make_node(name: str, /, cpu: str = "4", memory: str = "8Gi", **more: Any) -> Node:
    """Make a node with some resources and labels."""
    sizes = {"cpu": cpu, "memory": memory, "pods": "110", **more.pop("extra", {})}
    meta = {"name": name, "labels": more.pop("labels", {})}
    document = {"metadata": meta, "status": {"allocatable": sizes}, "spec": more}
    return msgspec.convert(document, Node)
