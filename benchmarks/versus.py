"""`python -m benchmarks.versus`: the real kube-scheduler and schedbench, in turn.

Both get the same nodes, the same pods that are already on them, and the same pods to
place, one run after the other on one machine, neither with an API server. The real one
uses all cores, as it does by default; schedbench uses one.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.start import Begun, begin
from benchmarks.versus_ours import measure_ours
from benchmarks.versus_table import versus_table
from schedbench.errors import InputError, SchedbenchError
from schedbench.experiment.environment import environment
from schedbench.experiment.perf import perf_refs
from schedbench.experiment.verify.programs import find_program
from schedbench.objects.written import document, pod_documents

ROOT = Path(__file__).resolve().parent.parent
PERF = ROOT.parent / "shared" / "scheduler_perf"
RELEASE = "kube-scheduler@1.34"
WORKLOADS = {
    "basic": "SchedulingBasic/5000Nodes_10000Pods",
    "node affinity": "SchedulingNodeAffinity/5000Nodes_10000Pods",
    "hard spreading": "TopologySpreading/5000Nodes_5000Pods",
    "soft spreading": "PreferredTopologySpreading/5000Nodes_5000Pods",
    "required pod anti-affinity": "SchedulingPodAntiAffinity/5000Nodes_2000Pods",
    "required pod affinity": "SchedulingPodAffinity/5000Nodes_5000Pods",
    "preferred pod affinity": "SchedulingPreferredPodAffinity/5000Nodes_5000Pods",
}
"""What each is called in the table, and its name in scheduler_perf."""
PERCENTAGES = {"all": 100, "adaptive": 0}
MODES = ("algorithm", "binding")
TIMEOUT = 900.0


@click.command()
@click.option("--scheduler-perf", "perf", type=click.Path(path_type=Path), default=PERF,
              help="Folder of scheduler_perf's configurations.")  # fmt: skip
@click.option("--pods", default=1000, show_default=True, type=click.IntRange(1),
              help="How many pods are placed and timed.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), show_default=True,
              default=Path("runs/versus.json"), help="Where the results are written.",
)  # fmt: skip
@click.option("--table", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the README's table there.")  # fmt: skip
def main(perf: Path, pods: int, out: Path, table: Path | None) -> None:
    """Measure the real kube-scheduler and schedbench on the same workloads, in turn.

    Exit codes: 0 done, 1 one placed more pods than the other, 2 bad input.
    """
    load = os.getloadavg()[0]
    try:
        rows = compare(perf, pods)
    except SchedbenchError as error:
        raise SystemExit(_refused(error)) from error
    found = {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "environment": environment(),
        "load": load,
        "pods": pods,
        "rows": rows,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if table is not None:
        table.write_text(versus_table(found), encoding="utf-8")
    sys.exit(any(row["differs"] for row in rows))


def compare(perf: Path, pods: int) -> list[dict[str, Any]]:
    """Return what both took on each workload, told as it comes.

    Raises
    ------
    InputError
        If a workload is not there, or kube-scheduler was not built or fails.
    """
    binary = find_program(RELEASE).words[0]
    refs = {ref.name: ref for ref in perf_refs(perf)}
    rows = []
    for what, name in WORKLOADS.items():
        if name not in refs:
            raise InputError(
                "no such workload", source=perf, value=name, fix="give another folder"
            )
        begun = begin(refs[name].build(1), pods)
        for scoring in PERCENTAGES:
            row = {"what": what, "name": name, "scoring": scoring}
            rows.append(row | _both(begun, scoring, binary))
            click.echo(json.dumps(rows[-1]), err=True)
    return rows


def _both(begun: Begun, scoring: str, binary: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "workload.json"
        file.write_text(json.dumps(documents(begun)), encoding="utf-8")
        real = {mode: _real(binary, file, mode, scoring) for mode in MODES}
    ours = measure_ours(begun, scoring)
    placed = {each["placed"] for each in (*real.values(), ours)}
    return {
        "nodes": len(begun.workload.nodes),
        "there": begun.there,
        "pods": len(begun.workload.pods) - begun.there,
        **real,
        "ours": ours,
        "differs": len(placed) > 1,
    }


def documents(begun: Begun) -> dict[str, list[dict[str, Any]]]:
    """Return a workload as the real scheduler reads it."""
    workload = begun.workload
    pods = [_started(pod) for pod in pod_documents(workload)]
    return {
        "nodes": [document(node) for node in workload.nodes],
        "objects": [document(item) for item in workload.objects],
        "bound": pods[: begun.there],
        "pods": pods[begun.there :],
    }


def _started(pod: dict[str, Any]) -> dict[str, Any]:
    meta = pod["metadata"]
    return pod | {"metadata": meta | {"uid": f"{meta['namespace']}/{meta['name']}"}}


def _real(binary: str, file: Path, mode: str, scoring: str) -> dict[str, Any]:
    words = [binary, "measure", "--workload", str(file), "--mode", mode]
    words += ["--percentage", str(PERCENTAGES[scoring])]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"kube-scheduler took more than {TIMEOUT:g} s",
            value=" ".join(words[1:]),
            fix="ask for fewer --pods",
        ) from error
    if done.returncode:
        raise InputError(
            "kube-scheduler failed",
            value=" ".join(words[1:]),
            fix=done.stderr.strip()[-500:] or "run it by hand",
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _refused(error: SchedbenchError) -> int:
    click.echo(f"error: {error}", err=True)
    return 2


if __name__ == "__main__":
    main()
