"""What is measured for the figures to reach, and what the real kube-scheduler does.

The real kube-scheduler's are decisions a second of v1.34.1 on 5,000 nodes: its
scheduling algorithm alone, without API server, on both cores of a quiet machine of two
cores; preemption on a busy one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.measure import Generated, Job, Source
from benchmarks.plan import Plan
from schedbench.experiment.perf import PerfRef, perf_refs

FIGURES = "figures"
REAL: Mapping[str, tuple[float, float]] = {
    "basic": (1111, 206),
    "node affinity": (835, 163),
    "hard zone spreading": (668, 166),
    "soft spreading": (766, 151),
    "required pod anti-affinity": (368, 146),
    "required pod affinity": (185, 68),
    "preferred pod affinity": (183, 83),
    "preemption": (61, 50),
}
"""Kind of pod → decisions a second with adaptive sampling, and with all nodes."""
CASES: Mapping[str, tuple[str, float]] = {
    "basic": ("SchedulingBasic/5000Nodes_50000Pods", 2e6),
    "node affinity": ("SchedulingNodeAffinity/5000Nodes_10000Pods", 8e5),
    "hard zone spreading": ("TopologySpreading/5000Nodes_5000Pods", 8e5),
    "soft spreading": ("PreferredTopologySpreading/5000Nodes_5000Pods", 8e5),
    "default spreading": ("DefaultTopologySpreading/5000Nodes_50000Pods", 8e5),
    "required pod affinity": ("SchedulingPodAffinity/5000Nodes_5000Pods", 3.7e5),
    "required pod anti-affinity": (
        "SchedulingPodAntiAffinity/5000Nodes_2000Pods",
        3.7e5,
    ),
    "preferred pod affinity": (
        "SchedulingPreferredPodAffinity/5000Nodes_5000Pods",
        3.7e5,
    ),
    "preferred pod anti-affinity": (
        "SchedulingPreferredPodAntiAffinity/5000Nodes_5000Pods",
        3.7e5,
    ),
    "required pod affinity, NS selector": (
        "SchedulingRequiredPodAffinityWithNSSelector/5000Nodes_2000Pods",
        3.7e5,
    ),
    "required pod anti-affinity, NS selector": (
        "SchedulingRequiredPodAntiAffinityWithNSSelector/5000Nodes_2000Pods",
        3.7e5,
    ),
    "preferred pod affinity, NS selector": (
        "SchedulingPreferredAffinityWithNSSelector/5000Nodes_5000Pods",
        3.7e5,
    ),
    "preferred pod anti-affinity, NS selector": (
        "SchedulingPreferredAntiAffinityWithNSSelector/5000Nodes_2000Pods",
        3.7e5,
    ),
    "mixed affinity": ("MixedSchedulingBasePod/5000Nodes_5000Pods", 3.7e5),
}
"""Kind of pod → its scheduler_perf workload, and decisions a second to reach."""
BASIC_ALL = 4e6
"""What basic pods are to reach with all nodes scored; `CASES` has it for sampling."""
SCORINGS = ("all", "adaptive")
CLASSES_50, PREEMPTION, OWN_CLASS, MANY = (
    "basic, 50 classes",
    "preemption",
    "basic, each pod its own class",
    "1,000,000 pods of 100 classes",
)


def jobs(folder: Path, plan: Plan) -> Iterator[Job]:
    """Yield what is measured for the figures, besides the suite and the studies."""
    found: dict[str, PerfRef] = {}
    for ref in perf_refs(folder):
        if plan.quick and "integration-test" in ref.labels:
            found.setdefault(ref.case, ref)
        elif not plan.quick:
            found[ref.name] = ref
    for kind, (workload, _) in CASES.items():
        ref = found[workload.partition("/")[0] if plan.quick else workload]
        for scoring in SCORINGS:
            yield _job(kind, ref, scoring, plan)
    nodes = plan.cluster
    sizes: dict[str, float] = {"nodes": nodes, "pods": plan.basic_pods, "classes": 50}
    yield _job(CLASSES_50, Generated("basic", sizes), "all", plan)
    made = Generated("preemption", {"nodes": nodes, "pods": plan.preemptions})
    for scoring in SCORINGS:
        yield _job(PREEMPTION, made, scoring, plan)
    own: dict[str, float] = {"nodes": nodes, "pods": plan.decided}
    sizes = own | {"classes": plan.decided}
    yield _job(OWN_CLASS, Generated("basic", sizes), "all", plan)
    sizes = dict(zip(("nodes", "pods", "classes"), plan.many, strict=True))
    many = _job(MANY, Generated("basic", sizes), "all", plan)
    yield dataclasses.replace(many, first=_scanned(plan))


def checks(folder: Path, plan: Plan) -> Iterator[Job]:
    """Yield the generated ones by `scan`, of the largest the first pods.

    The others are workloads of the suite, which checks them.
    """
    for job in jobs(folder, plan):
        if isinstance(job.source, Generated):
            source = job.source
            if job.first is not None:
                fewer = dict(source.arguments) | {"pods": job.first}
                source = Generated(source.case, fewer)
            yield dataclasses.replace(
                job, engine="scan", source=source, repeats=1, timeout=plan.check_timeout
            )


def _scanned(plan: Plan) -> int:
    nodes, pods, _ = plan.many
    return min(pods, max(int(plan.scanned // nodes), 1))


def _job(name: str, source: Source, scoring: str, plan: Plan) -> Job:
    return Job(
        FIGURES, name, source, scoring, repeats=plan.repeats, timeout=plan.timeout
    )
