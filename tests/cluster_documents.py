"""Manifests of small clusters, as kubectl prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TAINT = {"key": "gpu", "effect": "NoSchedule"}


def node(name: str, cpu: str = "4", pods: str = "10", taints=(), **labels: str) -> dict:
    """Return a Node."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name} | labels},
        "spec": {"taints": list(taints)},
        "status": {"allocatable": {"cpu": cpu, "memory": "64Gi", "pods": pods}},
    }


def pod(name: str, cpu: str, on: str | None = None, meta: Any = None, **spec) -> dict:
    """Return a Pod, on a node or waiting."""
    requests = {"cpu": cpu, "memory": "100Mi"}
    containers = [{"name": "main", "resources": {"requests": requests}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"} | (meta or {}),
        "spec": {"containers": containers, **spec} | ({"nodeName": on} if on else {}),
    }


def written(path: Path, *items: dict) -> Path:
    """Write objects as a List."""
    path.write_text(json.dumps({"kind": "List", "items": list(items)}))
    return path
