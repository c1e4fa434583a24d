"""What upstream refuses in the arguments of plugins, defaults filled in.

Source: kubernetes v1.34.1 pkg/scheduler/apis/config/validation
(validation_pluginargs.go), k8s.io/component-helpers v0.34.1
scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schedbench.scheduler.config_args import (
    DefaultPreemptionArgs,
    DynamicResourcesArgs,
    InterPodAffinityArgs,
    LooseConstraint,
    LooseRequirement,
    LooseTerm,
    NodeAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    PluginArgs,
    PodTopologySpreadArgs,
    UtilizationShapePoint,
    VolumeBindingArgs,
)
from schedbench.scheduler.config_problems import (
    Problem,
    duplicate,
    forbidden,
    invalid,
    label_value_problems,
    qualified_name_problems,
    required,
    unsupported,
)

STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")
_DURATION = r"[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def argument_problems(
    where: str, args: PluginArgs, gates: Mapping[str, bool]
) -> Iterator[Problem]:
    """Yield what is wrong with the arguments of a plugin, which stand at `where`."""
    if isinstance(args, VolumeBindingArgs):
        yield from _volume_binding(where, args, gates["StorageCapacityScoring"])
    elif type(args) in _CHECKS:
        yield from _CHECKS[type(args)](where, args)


def _default_preemption(where: str, args: DefaultPreemptionArgs) -> Iterator[Problem]:
    percentage, absolute = (
        args.min_candidate_nodes_percentage,
        args.min_candidate_nodes_absolute,
    )
    percentage_place = f"{where}.minCandidateNodesPercentage"
    absolute_place = f"{where}.minCandidateNodesAbsolute"
    if not 0 <= percentage <= 100:
        yield invalid(percentage_place, percentage, "not in valid range [0, 100]")
    if absolute < 0:
        yield invalid(absolute_place, absolute, "not in valid range [0, inf)")
    if percentage == absolute == 0:
        both = "cannot be zero at the same time as"
        yield invalid(percentage_place, 0, f"{both} minCandidateNodesAbsolute")
        yield invalid(absolute_place, 0, f"{both} minCandidateNodesPercentage")


def _inter_pod_affinity(where: str, args: InterPodAffinityArgs) -> Iterator[Problem]:
    weight = args.hard_pod_affinity_weight
    if not 0 <= weight <= 100:
        place = f"{where}.hardPodAffinityWeight"
        yield invalid(place, weight, "not in valid range [0, 100]")


def _balanced(
    where: str, args: NodeResourcesBalancedAllocationArgs
) -> Iterator[Problem]:
    seen = set()
    for index, resource in enumerate(args.resources):
        place = f"{where}.resources[{index}]"
        if resource.name in seen:
            yield duplicate(f"{place}.name", resource.name)
        seen.add(resource.name)
        if resource.weight != 1:
            yield invalid(f"{place}.weight", resource.weight, "must be 1")


def _fit(where: str, args: NodeResourcesFitArgs) -> Iterator[Problem]:
    for index, name in enumerate(args.ignored_resources):
        yield from _name_problems(f"{where}.ignoredResources[{index}]", name)
    for index, group in enumerate(args.ignored_resource_groups):
        place = f"{where}.ignoredResourceGroups[{index}]"
        if "/" in group:
            yield invalid(place, group, "resource group name can't contain '/'")
        yield from _name_problems(place, group)
    strategy = args.strategy
    where = f"{where}.scoringStrategy"
    if strategy.type not in STRATEGIES:
        yield unsupported(f"{where}.type", strategy.type, STRATEGIES)
    for index, resource in enumerate(strategy.resources):
        if not 0 < resource.weight <= 100:
            detail = f"resource weight of {resource.name} not in valid range (0, 100]"
            place = f"{where}.resources[{index}].weight"
            yield invalid(place, resource.weight, detail)
    ratio = strategy.requested_to_capacity_ratio
    where = f"{where}.requestedToCapacityRatio"
    if ratio is not None:
        yield from _shape_problems(f"{where}.shape", ratio.shape)
    elif strategy.type == "RequestedToCapacityRatio":
        # v1.34.1 stops with a nil pointer here; later releases say this.
        detail = "must be specified when type is RequestedToCapacityRatio"
        yield required(where, detail)


def _shape_problems(
    where: str, shape: list[UtilizationShapePoint]
) -> Iterator[Problem]:
    if not shape:
        yield required(where, "at least one point must be specified")
    for index in range(1, len(shape)):
        here = shape[index].utilization
        if shape[index - 1].utilization >= here:
            detail = "values must be sorted in increasing order"
            yield invalid(f"{where}[{index}].utilization", here, detail)
            break
    for index, point in enumerate(shape):
        if not 0 <= point.utilization <= 100:
            place = f"{where}[{index}].utilization"
            yield invalid(place, point.utilization, "not in valid range [0, 100]")
        if not 0 <= point.score <= 10:
            place = f"{where}[{index}].score"
            yield invalid(place, point.score, "not in valid range [0, 10]")


def _volume_binding(
    where: str, args: VolumeBindingArgs, scores: bool
) -> Iterator[Problem]:
    if args.bind_timeout_seconds < 0:
        detail = "invalid BindTimeoutSeconds, should not be a negative value"
        yield invalid(f"{where}.bindTimeoutSeconds", args.bind_timeout_seconds, detail)
    if scores:
        yield from _shape_problems(f"{where}.shape", args.shape or [])
    elif args.shape is not None:
        shape = [{"Utilization": p.utilization, "Score": p.score} for p in args.shape]
        detail = (
            "unexpected field `shape`, remove it or turn on the feature gate "
            "StorageCapacityScoring"
        )
        yield invalid(f"{where}.shape", shape, detail)


def _dynamic_resources(where: str, args: DynamicResourcesArgs) -> Iterator[Problem]:
    timeout = args.filter_timeout
    place = f"{where}.filterTimeout"
    if timeout is None:
        return
    if not re.fullmatch(_DURATION, timeout):
        yield Problem(place, f'time: invalid duration "{timeout}"')
    elif timeout.startswith("-") and re.search("[1-9]", timeout):
        yield invalid(place, timeout, "must be zero or positive")


def _topology_spread(where: str, args: PodTopologySpreadArgs) -> Iterator[Problem]:
    kind = args.defaulting_type
    place = f"{where}.defaultingType"
    if kind not in {"System", "List"}:
        yield unsupported(place, kind, ("System", "List"))
    elif kind == "System" and args.default_constraints:
        yield invalid(place, kind, "when .defaultConstraints are not empty")
    seen = set()
    for index, one in enumerate(args.default_constraints):
        place = f"{where}.defaultConstraints[{index}]"
        yield from _constraint_problems(place, one)
        key = (one.topology_key, one.when_unsatisfiable)
        if key in seen:
            yield duplicate(place, f"{{{key[0]}, {key[1]}}}")
        seen.add(key)


def _constraint_problems(where: str, one: LooseConstraint) -> Iterator[Problem]:
    if one.max_skew <= 0:
        yield invalid(f"{where}.maxSkew", one.max_skew, "not in valid range (0, inf)")
    if one.topology_key:
        yield from _name_problems(f"{where}.topologyKey", one.topology_key)
    else:
        yield required(f"{where}.topologyKey", "can not be empty")
    place = f"{where}.whenUnsatisfiable"
    if not one.when_unsatisfiable:
        yield required(place, "can not be empty")
    elif one.when_unsatisfiable not in _ACTIONS:
        yield unsupported(place, one.when_unsatisfiable, _ACTIONS)
    if one.label_selector is not None:
        yield forbidden(
            f"{where}.labelSelector",
            "constraint must not define a selector, as they deduced for each pod",
        )
    # Upstream takes any other policy for Ignore; a typing error should not pass so.
    policies = {
        "nodeAffinityPolicy": one.node_affinity_policy,
        "nodeTaintsPolicy": one.node_taints_policy,
    }
    for name, policy in policies.items():
        if policy is not None and policy not in _POLICIES:
            yield unsupported(f"{where}.{name}", policy, _POLICIES)


def _node_affinity(where: str, args: NodeAffinityArgs) -> Iterator[Problem]:
    added = args.added_affinity
    if added is None:
        return
    where = f"{where}.addedAffinity"
    needed = added.required_during_scheduling_ignored_during_execution
    place = f"{where}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    for index, term in enumerate(needed.node_selector_terms if needed else []):
        yield from _term_problems(f"{place}[{index}]", term)
    liked = added.preferred_during_scheduling_ignored_during_execution
    place = f"{where}.preferredDuringSchedulingIgnoredDuringExecution"
    for index, one in enumerate(liked):
        if not one.is_void:
            yield from _term_problems(f"{place}[{index}]", one.preference)


def _term_problems(where: str, term: LooseTerm) -> Iterator[Problem]:
    for index, one in enumerate(term.match_expressions):
        yield from _requirement_problems(f"{where}.matchExpressions[{index}]", one)
    for index, one in enumerate(term.match_fields):
        place = f"{where}.matchFields[{index}]"
        if one.operator not in {"In", "NotIn"}:
            yield unsupported(f"{place}.operator", one.operator, ("In", "NotIn"))
        elif len(one.values) != 1:
            yield invalid(f"{place}.values", one.values, "must have one element")


def _requirement_problems(where: str, one: LooseRequirement) -> Iterator[Problem]:
    """Yield what `labels.NewRequirement` refuses."""
    if one.operator not in _OPERATORS:
        yield unsupported(f"{where}.operator", one.operator, _OPERATORS)
        return
    problems = qualified_name_problems(one.key)
    if problems:
        yield invalid(f"{where}.key", one.key, "; ".join(problems))
    place = f"{where}.values"
    if one.operator in {"In", "NotIn"}:
        if not one.values:
            detail = "for 'in', 'notin' operators, values set can't be empty"
            yield invalid(place, one.values, detail)
    elif one.operator in {"Gt", "Lt"}:
        if len(one.values) != 1:
            detail = "for 'Gt', 'Lt' operators, exactly one value is required"
            yield invalid(place, one.values, detail)
        for index, value in enumerate(one.values):
            if not _is_int64(value):
                detail = "for 'Gt', 'Lt' operators, the value must be an integer"
                yield invalid(f"{place}[{index}]", value, detail)
    elif one.values:
        detail = "values set must be empty for exists and does not exist"
        yield invalid(place, one.values, detail)
    for index, value in enumerate(one.values):
        problems = label_value_problems(value)
        if problems:
            yield invalid(f"{place}[{index}][{one.key}]", value, "; ".join(problems))


def _name_problems(where: str, name: str) -> Iterator[Problem]:
    for problem in qualified_name_problems(name):
        yield invalid(where, name, problem)


def _is_int64(text: str) -> bool:
    digits = re.fullmatch("[+-]?[0-9]{1,40}", text)
    return digits is not None and -(2**63) <= int(text) < 2**63


_CHECKS: dict[type[PluginArgs], Callable[[str, Any], Iterator[Problem]]] = {
    DefaultPreemptionArgs: _default_preemption,
    DynamicResourcesArgs: _dynamic_resources,
    InterPodAffinityArgs: _inter_pod_affinity,
    NodeAffinityArgs: _node_affinity,
    NodeResourcesBalancedAllocationArgs: _balanced,
    NodeResourcesFitArgs: _fit,
    PodTopologySpreadArgs: _topology_spread,
}
