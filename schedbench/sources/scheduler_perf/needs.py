"""What a workload needs that schedbench does not model: one table.

A later version that models a row deletes the row. What a scheduler configuration asks
for beyond the model is told by the run that reads it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from schedbench.errors import UnknownNameError
from schedbench.objects.pod import Pod
from schedbench.objects.policy import LimitRange, ResourceQuota
from schedbench.sources.scheduler_perf.config import Case, PerfWorkload
from schedbench.sources.scheduler_perf.facts import Facts, gather
from schedbench.sources.scheduler_perf.gates import (
    GATES_WHEN_ENABLED,
    gate_needs,
)
from schedbench.sources.scheduler_perf.operations import CreatePods, UpdateAny
from schedbench.sources.scheduler_perf.plan import plan


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    """Something not modelled, and how to tell that a workload needs it."""

    name: str
    meaning: str
    found: Callable[[Facts], bool]


def workload_needs(case: Case, workload: PerfWorkload) -> list[str]:
    """Return the names of what a workload needs beyond the model, in order.

    Templates that depend on `.Index` are judged by a few of their objects.

    Raises
    ------
    InputError
        If the workload cannot be read.
    """
    return needs_of(gather(case, workload, plan(case, workload), sample=True))


def needs_of(facts: Facts) -> list[str]:
    """Return the names of what the objects and ops need beyond the model, in order."""
    found = {need.name for need in NEEDS if need.found(facts)}
    found |= set(gate_needs(facts.workload.feature_gates))
    for word, kinds in (
        ("updateAny of", facts.updated),
        ("churn of", facts.churned),
        ("kind", {kind for kind in facts.strangers if not _is_named(kind)}),
    ):
        found |= {f"{word} {kind.removeprefix('/')}" for kind in kinds - PASSIVE_KINDS}
    return sorted(found, key=str.lower)


def explain_need(name: str) -> str:
    """Return the sentence that tells what a need is.

    Raises
    ------
    UnknownNameError
        If there is no such need.
    """
    for need in NEEDS:
        if need.name == name:
            return need.meaning
    for prefix in ("feature gate ", "kind ", "updateAny of ", "churn of "):
        if name.startswith(prefix):
            return f"the {name} may change decisions, in a way not modelled"
    if name in GATES_WHEN_ENABLED:
        return f"the feature gate {name} changes decisions"
    raise UnknownNameError("need", name, [need.name for need in NEEDS])


def needs_table() -> str:
    """Return all needs as the rows of a Markdown table, name and meaning."""
    rows = [(need.name, need.meaning) for need in NEEDS]
    rows += [
        ("updateAny of *kind*", "objects other than pods and nodes change"),
        (
            "churn of *kind*",
            "objects other than pods and nodes come and go, and pods see them",
        ),
        ("feature gate *name*", "a feature gate that is not known to be harmless"),
        ("kind *name*", "an object of a kind that is not known to be harmless"),
    ]
    lines = ["| need | meaning |", "|---|---|"]
    lines += [f"| {name} | {meaning} |" for name, meaning in rows]
    return "\n".join(lines) + "\n"


PASSIVE_KINDS = frozenset(
    {"/ConfigMap", "/Secret", "/ServiceAccount", "/Endpoints", "/Event"}
)
"""Kinds without a type here that scheduling does not look at."""

_DEVICES_GROUP = "resource.k8s.io"
_DEFAULT_SCHEDULER = "default-scheduler"


def _is_named(kind: str) -> bool:
    """Tell whether a row of `NEEDS` tells of the kind."""
    return kind.partition("/")[0] == _DEVICES_GROUP


def _pods(found: Callable[[Pod], bool]) -> Callable[[Facts], bool]:
    return lambda facts: any(found(pod) for _, pod in facts.pods)


def _ops(*opcodes: str) -> Callable[[Facts], bool]:
    return lambda facts: not facts.opcodes().isdisjoint(opcodes)


def _any_of(*tests: Callable[[Facts], bool]) -> Callable[[Facts], bool]:
    return lambda facts: any(test(facts) for test in tests)


def _group(group: str) -> Callable[[Facts], bool]:
    return lambda facts: any(kind.startswith(f"{group}/") for kind in facts.strangers)


def _profiles(facts: Facts) -> set[str]:
    """Return the scheduler names that the configuration has a profile for."""
    profiles = (facts.scheduler_config or {}).get("profiles")
    if not isinstance(profiles, list) or not profiles:
        return {_DEFAULT_SCHEDULER}
    return {
        str(profile.get("schedulerName") or _DEFAULT_SCHEDULER)
        for profile in profiles
        if isinstance(profile, dict)
    }


def _has_other_scheduler(facts: Facts) -> bool:
    known = _profiles(facts)
    return any(
        (pod.spec.scheduler_name or _DEFAULT_SCHEDULER) not in known
        for _, pod in facts.pods
    )


def _steady_ops(facts: Facts) -> Iterator[bool]:
    for op in facts.ops:
        if isinstance(op, CreatePods):
            yield facts.parameters.flag(op.steady_state, op.steady_state_param)


NEEDS: tuple[Need, ...] = (
    Need(
        "DynamicResources",
        "pods ask for devices through resource claims",
        _any_of(
            _pods(lambda pod: bool(pod.spec.resource_claims)),
            _group(_DEVICES_GROUP),
            _ops(
                "allocResourceClaims",
                "createResourceDriver",
                "createResourceClaims",
                "updateDeviceConditions",
            ),
        ),
    ),
    Need(
        "InPlacePodVerticalScaling",
        "running pods are resized",
        lambda facts: any(
            isinstance(op, UpdateAny) and "resize" in op.subresources
            for op in facts.ops
        ),
    ),
    Need(
        "LimitRange and ResourceQuota",
        "admission changes or refuses pods",
        lambda facts: facts.of_type(LimitRange, ResourceQuota),
    ),
    Need(
        "NodeDeclaredFeatures",
        "nodes declare features that pods may require",
        lambda facts: any(node.status.declared_features for node in facts.nodes),
    ),
    Need(
        "op checkPodScheduled",
        "pods are checked after a while",
        _ops("checkPodScheduled"),
    ),
    Need(
        "op createPods steadyState",
        "scheduled pods are replaced by new ones for a while",
        lambda facts: any(_steady_ops(facts)),
    ),
    Need(
        "RuntimeClass",
        "a runtime class adds overhead to pods",
        _pods(lambda pod: pod.spec.runtime_class_name is not None),
    ),
    Need(
        "scheduler profiles",
        "pods name a scheduler that the configuration has no profile for",
        _has_other_scheduler,
    ),
)
"""Everything not modelled that a workload may need."""
