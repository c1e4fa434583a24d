"""`schedbench import`: what a trace or manifests hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schedbench.cli import output
from schedbench.cli.output import Table
from schedbench.errors import InputError

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload

KINDS = ("openb", "manifests")
QUANTILES = (0.0, 0.1, 0.5, 0.9, 0.99, 1.0)
MOST_LABELS = 12


@click.command(
    name="import",
    epilog="""\b
Examples:
  schedbench import manifests cluster.json --describe
  schedbench import openb DIR --set trace=default --describe
  schedbench import openb DIR --set trace=gpuspec10 -o gpus.json.gz
""",
)
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("path")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE",
    help="Of openb: trace=NAME, tune=1.3 (0 = as it is), seed=42; repeatable.",
)  # fmt: skip
@click.option(
    "--describe", is_flag=True, help="Print what is in it; the default without --out."
)
@click.option(
    "-o", "--out", metavar="FILE",
    help="Write it as manifests, .json or .json.gz, which run reads.",
)  # fmt: skip
@output.json_option
@output.quiet_and_verbose
def command(
    kind: str,
    path: str,
    sets: tuple[str, ...],
    describe: bool,
    out: str | None,
    form: str | None,
) -> int:
    """Read a trace or manifests and say what is in them: counts, sizes, labels.

    What was dropped or repaired on the way is told with its count.
    """
    from schedbench.cli.manifests import check_target, write_manifests

    if out is not None:
        check_target(out)
    workload = _openb(path, sets) if kind == "openb" else _manifests(path, sets)
    if describe or out is None:
        card = workload_card(workload)
        if form == "json":
            output.json_document(card)
        else:
            _tell(card)
    if form is None or out is not None:
        for text in workload.notes:
            output.note(f"note: {text}")
    if out is not None:
        for text in write_manifests(workload, out):
            output.note(f"note: {text}")
        output.note(f"written: {out}")
    return 0


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


def _openb(path: str, sets: Sequence[str]) -> Workload:
    from schedbench.experiment.settings import parse_sets
    from schedbench.sources.traces.openb import TUNE, load_openb

    given: dict[str, Any] = {"trace": "default", "tune": TUNE, "seed": 42}
    _override(given, parse_sets(sets))
    return load_openb(
        Path(path), str(given["trace"]), given["seed"], tune=given["tune"]
    )


def _manifests(path: str, sets: Sequence[str]) -> Workload:
    from schedbench.sources.manifests import manifests_workload

    if sets:
        raise InputError("manifests have no settings", source="--set", value=sets[0])
    if path != "-" and not Path(path).exists():
        raise InputError("no such file or folder", source=path)
    return manifests_workload(path)


def _override(given: dict[str, Any], sets: dict[str, Any]) -> None:
    from schedbench.errors import UnknownNameError

    for name, value in sets.items():
        if name not in given:
            raise UnknownNameError("setting", name, given, source="--set")
        kind = type(given[name])
        wanted = (int, float) if kind is float else kind
        if kind is not str and (
            not isinstance(value, wanted) or isinstance(value, bool) or value < 0
        ):
            raise InputError(
                f"{name} is not a number of 0 or more", source="--set", value=value
            )
        given[name] = value


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


def _tell(card: dict[str, Any]) -> None:
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
