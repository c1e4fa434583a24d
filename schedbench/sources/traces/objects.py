"""A workload of Kubernetes objects as columns: what these can say of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from schedbench.objects.pod import Pod
from schedbench.objects.resources import node_allocatable, pod_requests
from schedbench.objects.workload import Workload
from schedbench.sources.gpu import GPU_COUNT, GPU_MILLI, GPU_MODEL
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.writer import ROW_GROUP, TraceWriter

MIB = 1 << 20
OWN = frozenset({"cpu", "memory", "pods", GPU_COUNT})


def write_workload(workload: Workload, out: Path, title: str, licence: str) -> Ledger:
    """Write a workload's nodes and pods as an imported trace.

    What columns do not hold (affinity to pods, spreading, tolerations, volumes, bound
    pods' nodes) is counted as repaired.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    ledger = Ledger()
    with TraceWriter(out, ledger) as writer:
        writer.about = {
            "source": workload.name,
            "title": title,
            "licence": licence,
            "files": [],
            "settings": {},
            "units": {"cpu": "millicores", "memory": "bytes, rounded up to MiB"},
        }
        _nodes(workload, writer)
        _pods(workload, writer)
        for text in workload.notes:
            ledger.note(text)
    return ledger


def _nodes(workload: Workload, writer: TraceWriter) -> None:
    amounts = [node_allocatable(node) for node in workload.nodes]
    labels = [dict(node.metadata.labels) for node in workload.nodes]
    writer.ledger.read("nodes", len(workload.nodes))
    tainted = sum(bool(node.spec.taints) for node in workload.nodes)
    writer.ledger.repair("nodes", "taints left out", tainted, "")
    later = len(workload.node_events)
    writer.ledger.repair("nodes", "changes of nodes left out", later, "")
    writer.nodes(
        {
            "name": [node.metadata.name for node in workload.nodes],
            "cpu_milli": [each.get("cpu", 0) for each in amounts],
            "memory_mib": [each.get("memory", 0) // MIB for each in amounts],
            "gpus": [each.get(GPU_COUNT, 0) for each in amounts],
            "gpu_model": [each.pop(GPU_MODEL, "") for each in labels],
            "labels": [_json(each) for each in labels],
            "resources": [_others(each) for each in amounts],
        }
    )


def _pods(workload: Workload, writer: TraceWriter) -> None:
    pods = workload.pods
    rows = [_pod(template) for template in pods.templates]
    lost = [_lost(template) for template in pods.templates]
    writer.ledger.read("pods", len(pods))
    counts = np.bincount(pods.template, minlength=len(rows))
    for reason in dict.fromkeys(each for mine in lost for each in mine):
        holding = np.array([reason in mine for mine in lost])
        writer.ledger.repair("pods", reason, int(counts[holding].sum()), "")
    bound = int((pods.node >= 0).sum())
    writer.ledger.repair("pods", "bound already: it is to be scheduled", bound, "")
    for start in range(0, len(pods), ROW_GROUP):
        piece = slice(start, min(start + ROW_GROUP, len(pods)))
        index = pods.template[piece].tolist()
        held = np.isfinite(pods.deletion[piece])
        ids = [
            pods.name(pod).partition("/")[2] for pod in range(*piece.indices(len(pods)))
        ]
        endless = np.isinf(pods.duration[piece])
        writer.pods(
            {
                "id": ids,
                "submit": pods.arrival[piece],
                "duration": np.where(endless, np.nan, pods.duration[piece]),
                "end": np.where(held, pods.deletion[piece], np.nan),
                **{name: [rows[k][name] for k in index] for name in rows[0]},
            }
        )


def _pod(pod: Pod) -> dict[str, Any]:
    amounts = dict(pod_requests(pod))
    notes = pod.metadata.annotations
    gpus = int(notes.get(GPU_COUNT, "0"))
    selector = [
        {"key": key, "operator": "In", "values": [value]}
        for key, value in pod.spec.node_selector.items()
    ]
    return {
        "cpu_milli": amounts.get("cpu", 0),
        "memory_mib": -(-amounts.get("memory", 0) // MIB) or -1,
        "num_gpu": gpus,
        "gpu_milli": int(notes.get(GPU_MILLI, "1000")) if gpus else 0,
        "gpu_models": notes.get(GPU_MODEL, "") if gpus else "",
        "priority": pod.spec.priority or 0,
        "user": pod.metadata.namespace or "",
        "constraints": _json([*selector, *(_affinity(pod) or ())]),
        "resources": _others(amounts),
    }


def _affinity(pod: Pod) -> Sequence[Any] | None:
    """Return the requirements of a single required term; None = nothing like it."""
    affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    terms = required.node_selector_terms if required else []
    if len(terms) != 1 or terms[0].match_fields:
        return None
    return [
        {"key": each.key, "operator": each.operator, "values": list(each.values or ())}
        for each in terms[0].match_expressions
    ]


def _lost(pod: Pod) -> list[str]:
    spec, affinity = pod.spec, pod.spec.affinity
    lost = {
        "affinity to pods left out": affinity is not None
        and (affinity.pod_affinity or affinity.pod_anti_affinity),
        "affinity to nodes left out": affinity is not None
        and affinity.node_affinity is not None
        and _affinity(pod) is None,
        "topology spread left out": spec.topology_spread_constraints,
        "tolerations left out": spec.tolerations,
        "volumes left out": spec.volumes,
        "pod group left out": spec.scheduling_group,
    }
    return [reason for reason, there in lost.items() if there]


def _others(amounts: dict[str, int]) -> str:
    return _json({k: v for k, v in amounts.items() if k not in OWN and v})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode() if value else ""
