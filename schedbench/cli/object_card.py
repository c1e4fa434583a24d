"""A card of objects: what manifests, or a trace read as objects, hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schedbench.cli import output
from schedbench.cli.output import Table

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload

QUANTILES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
MOST_LABELS = 12


def workload_card(workload: Workload) -> dict[str, Any]:
    """Return counts, totals, quantiles of sizes and labels of a workload."""
    import numpy as np

    from schedbench.cluster.gpu import gpu_devices, gpu_request
    from schedbench.objects.resources import node_allocatable, pod_requests

    pods = workload.pods
    counts = np.bincount(pods.template, minlength=len(pods.templates))
    requests = [dict(pod_requests(pod)) for pod in pods.templates]
    for mine, pod in zip(requests, pods.templates, strict=True):
        gpu = gpu_request(pod)
        if gpu.devices:
            mine["gpu (milli)"] = gpu.devices * gpu.milli
    capacity: dict[str, int] = {}
    for node in workload.nodes:
        for name, amount in node_allocatable(node).items():
            capacity[name] = capacity.get(name, 0) + amount
        if gpu_devices(node):
            devices = 1000 * gpu_devices(node)
            capacity["gpu (milli)"] = capacity.get("gpu (milli)", 0) + devices
    names = [
        name
        for name in dict.fromkeys(key for mine in requests for key in mine)
        if any(mine.get(name) for mine in requests)
    ]
    sizes = {}
    for name in names:
        values = np.repeat([mine.get(name, 0) for mine in requests], counts)
        sizes[name] = {
            "requested": int(values.sum()),
            "capacity": capacity.get(name, 0),
            "pods": int((values > 0).sum()),
            "quantiles": [
                int(each)
                for each in np.quantile(values, QUANTILES, method="inverted_cdf")
            ],
        }
    return {
        "name": workload.name,
        "nodes": len(workload.nodes),
        "pods": len(pods),
        "templates": len(pods.templates),
        "bound": int((pods.node >= 0).sum()),
        "pending": int((pods.node < 0).sum()),
        "ending": int(np.isfinite(pods.duration).sum()),
        "arrivals_s": [float(pods.arrival[0]), float(pods.arrival[-1])]
        if len(pods)
        else [],
        "namespaces": len({pods.name(i).partition("/")[0] for i in range(len(pods))}),
        "objects": _kinds(workload.objects),
        "quantile_levels": list(QUANTILES),
        "requests": sizes,
        "node_labels": _label_values(workload),
        "notes": list(workload.notes),
    }


def _kinds(objects: Sequence[Any]) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(type(item).__name__ for item in objects).most_common())


def _label_values(workload: Workload) -> dict[str, int]:
    """Return how many values each label of the nodes has, the fewest first."""
    values: dict[str, set[str]] = {}
    for node in workload.nodes:
        for name, value in node.metadata.labels.items():
            values.setdefault(name, set()).add(value)
    return dict(sorted(((k, len(v)) for k, v in values.items()), key=lambda kv: kv[1]))


def tell_card(card: dict[str, Any]) -> None:
    """Print a card of objects as text."""
    output.result(card["name"])
    kinds = output.counted(card["templates"], "kind")
    where = output.counted(card["namespaces"], "namespace")
    output.result(
        f"{card['nodes']:,} nodes; {card['pods']:,} pods of {kinds} in {where}: "
        f"{card['bound']:,} bound, {card['pending']:,} pending, "
        f"{card['ending']:,} that end"
    )
    if card["arrivals_s"] and card["arrivals_s"][1] > 0:
        first, last = card["arrivals_s"]
        output.result(f"arrivals from {first:,.0f} s to {last:,.0f} s")
    if card["objects"]:
        output.result(
            "other objects: "
            + ", ".join(f"{count:,} {kind}" for kind, count in card["objects"].items())
        )
    levels = ["min", "p10", "p50", "p90", "p99", "max"]
    rows = [
        [
            name,
            f"{size['pods']:,}",
            _load(size),
            *(_amount(name, value) for value in size["quantiles"]),
        ]
        for name, size in card["requests"].items()
    ]
    if rows:
        header = ["request", "pods", "of capacity", *levels]
        output.result("")
        output.result(Table(header, rows, frozenset(range(1, len(header)))).text())
    if card["node_labels"]:
        shown = list(card["node_labels"].items())
        told = ", ".join(f"{name} ({count:,})" for name, count in shown[:MOST_LABELS])
        more = len(shown) - MOST_LABELS
        output.result(
            f"\nnode labels (values): {told}"
            + (f" and {more} more" if more > 0 else "")
        )


def _load(size: dict[str, Any]) -> str:
    if not size["capacity"]:
        return "none there"
    return f"{100 * size['requested'] / size['capacity']:.1f} %"


def _amount(name: str, value: int) -> str:
    if name == "cpu":
        return f"{value / 1000:g}"
    if name in {"memory", "ephemeral-storage"} and value >= 2**20:
        return f"{value / 2**30:.3g}Gi" if value >= 2**30 else f"{value / 2**20:.3g}Mi"
    return f"{value:,}"
