"""The scheduler_perf workloads that upstream labels `performance`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from benchmarks.measure import POLICIES, Job, Measured
from benchmarks.plan import Plan
from schedbench.errors import InputError
from schedbench.experiment.perf import PerfRef, perf_refs

SUITE = "suite"
LABEL = "performance"
QUICK_TOPICS = ("affinity", "default_preemption", "misc", "topology_spreading")
COLD = 600.0
"""Seconds of wall time for a workload that may have to compile."""
FACTOR = 1_000
"""How many times as fast as the scheduler that it models schedbench wants to be."""


def load(folder: Path, plan: Plan, patterns: Sequence[str] = ()) -> list[PerfRef]:
    """Return the suite's workloads; of a quick plan, the smallest of some cases.

    With patterns, those that one of them fits.

    Raises
    ------
    InputError
        If no workload is left.
    """
    found = [
        ref
        for ref in _labelled(perf_refs(folder), folder, plan)
        if not patterns or any(fnmatchcase(ref.name, each) for each in patterns)
    ]
    if not found:
        raise InputError("no workload of the suite fits", value=list(patterns))
    return found


def _labelled(refs: Sequence[PerfRef], folder: Path, plan: Plan) -> list[PerfRef]:
    if not plan.quick:
        return [ref for ref in refs if LABEL in ref.labels]
    found: dict[str, PerfRef] = {}
    for ref in refs:
        if topic(ref, folder) in QUICK_TOPICS and not ref.needs:
            found.setdefault(topic(ref, folder), ref)
    return list(found.values())


def topic(ref: PerfRef, folder: Path) -> str:
    """Return the folder that upstream files a workload under."""
    return ref.path.relative_to(folder).parts[0]


def name(ref: PerfRef) -> str:
    """Return a name that no other workload of the suite has."""
    return f"{ref.name} ({ref.size})" if ref.size else ref.name


def smallest(refs: Sequence[PerfRef], folder: Path) -> Iterator[Job]:
    """Yield a job for the first small workload of each case: it loads compiled code."""
    cases = {(ref.path, ref.case) for ref in refs}
    for ref in perf_refs(folder):
        small = LABEL not in ref.labels and not ref.needs
        if (ref.path, ref.case) in cases and small:
            cases.remove((ref.path, ref.case))
            yield Job("warm-up", name(ref), ref, timeout=COLD, evaluates=True)


def jobs(refs: Sequence[PerfRef], plan: Plan, scoring: str) -> Iterator[Job]:
    """Yield the suite's jobs under one of `POLICIES`."""
    assert scoring in POLICIES
    for ref in refs:
        yield Job(SUITE, name(ref), ref, scoring, timeout=plan.timeout, evaluates=True)


def checks(plan: Plan, jobs: Sequence[Job], done: Sequence[Measured]) -> Iterator[Job]:
    """Yield the same by `scan`, where `auto` came to an end."""
    ended = {one.key for one in done if one.status == "done"}
    for job in jobs:
        if (job.study, job.name, job.scoring, job.engine) in ended:
            yield Job(
                job.study, job.name, job.source, job.scoring, "scan",
                timeout=plan.check_timeout,
            )  # fmt: skip


def described(found: Measured, ref: PerfRef, folder: Path) -> Measured:
    """Return a measurement with what the suite knows of the workload."""
    least = ref.thresholds.get("decisions_per_second")
    goal = None if least is None else FACTOR * least
    return msgspec.structs.replace(found, topic=topic(ref, folder), goal=goal)
