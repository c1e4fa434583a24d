"""scheduler_perf cases written by hand, or taken from the shared ones."""

from __future__ import annotations

import re
from pathlib import Path

from schedbench.objects.workload import Workload
from schedbench.sources.scheduler_perf.build import build_workload
from schedbench.sources.scheduler_perf.config import Case, load_configs

POD = """
apiVersion: v1
kind: Pod
metadata:
  generateName: pod-
  labels: {app: web}
spec:
  containers:
  - {name: a, image: b, resources: {requests: {cpu: 1}}}
"""

NAMED_POD = POD.replace("generateName: pod-", "name: web-{{.Index}}")

NAMED_NODE = """
apiVersion: v1
kind: Node
metadata:
  name: node-{{.Index}}
status:
  capacity: {cpu: "{{AddInt .Index 1}}", pods: 10}
"""


def case_of(folder: Path, ops: str, *, top: str = "", **templates: str) -> Case:
    """Write a case of one workload, its ops one a line, and read it."""
    (folder / "pod.yaml").write_text(POD)
    for name, text in templates.items():
        (folder / f"{name}.yaml").write_text(text)
    path = folder / "performance-config.yaml"
    each = re.split(r"\n\s*(?=opcode)", ops.strip())
    lines = "".join(f"  - {{{' '.join(op.split())}}}\n" for op in each)
    path.write_text(
        f"- name: Case\n  defaultPodTemplatePath: pod.yaml\n{top}"
        f"  workloadTemplate:\n{lines}  workloads:\n  - {{name: one, params: {{}}}}\n"
    )
    (case,) = load_configs(path)
    return case


def build(folder: Path, ops: str, *, top: str = "", **templates: str) -> Workload:
    """Build a case of one workload, its ops one a line."""
    case = case_of(folder, ops, top=top, **templates)
    return build_workload(case, case.workloads[0])


def shipped_case(shared: Path, folder: str, name: str) -> Case:
    """Return a case of the shared configurations."""
    cases = load_configs(shared / "scheduler_perf" / folder)
    (case,) = [case for case in cases if case.name == name]
    return case


def shipped(shared: Path, folder: str, name: str) -> Workload:
    """Build `case/workload` of the shared configurations."""
    case_name, _, workload_name = name.partition("/")
    case = shipped_case(shared, folder, case_name)
    return build_workload(case, case.workload(workload_name))
