"""A wind tunnel for Kubernetes schedulers.

Policies    policy, make_policy
Workloads   Workload, PodStream, NodeEvent, load_manifests
Running     encode, replay, evaluate
Columns     CPU, MEMORY, EPHEMERAL_STORAGE, PODS

`policy` holds the decorators `score`, `vectorized` and `batch` for policies of one's
own. Names are loaded when they are first used: importing schedbench loads nothing else.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "CPU": "schedbench.cluster.layout:CPU",
    "EPHEMERAL_STORAGE": "schedbench.cluster.layout:EPHEMERAL_STORAGE",
    "MEMORY": "schedbench.cluster.layout:MEMORY",
    "NodeEvent": "schedbench.objects.workload:NodeEvent",
    "PODS": "schedbench.cluster.layout:PODS",
    "PodStream": "schedbench.objects.workload:PodStream",
    "Workload": "schedbench.objects.workload:Workload",
    "encode": "schedbench.cluster.encode:encode",
    "evaluate": "schedbench.metrics.evaluate:evaluate",
    "load_manifests": "schedbench.sources.manifests:load_manifests",
    "make_policy": "schedbench.policies.registry:make_policy",
    "policy": "schedbench.policies.base:",
    "replay": "schedbench.simulation.replay:replay",
}

__all__ = [
    "CPU",
    "EPHEMERAL_STORAGE",
    "MEMORY",
    "PODS",
    "NodeEvent",
    "PodStream",
    "Workload",
    "__version__",
    "encode",
    "evaluate",
    "load_manifests",
    "make_policy",
    "policy",
    "replay",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


def __dir__() -> list[str]:
    return __all__
