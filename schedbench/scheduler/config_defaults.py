"""The default plugins of v1.34, what they implement, and how profiles change them.

Source: kubernetes v1.34.1 pkg/scheduler/apis/config/v1 (default_plugins.go,
defaults.go) and pkg/scheduler/framework/runtime/framework.go (`multiPoint`).
"""

from __future__ import annotations

from collections.abc import Mapping

from schedbench.objects.pod import TopologySpreadConstraint
from schedbench.scheduler.config_args import (
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    PluginArgs,
    PodTopologySpreadArgs,
    ResourceSpec,
    ScoringStrategy,
    UtilizationShapePoint,
    VolumeBindingArgs,
)
from schedbench.scheduler.config_structs import PluginEntry, PluginsDocument, PluginSet

EXTENSION_POINTS = (
    "preFilter",
    "filter",
    "postFilter",
    "reserve",
    "preScore",
    "score",
    "preBind",
    "bind",
    "postBind",
    "permit",
    "preEnqueue",
    "queueSort",
)
"""In the order in which upstream expands, and complains about, them."""

IMPLEMENTS: dict[str, frozenset[str]] = {
    name: frozenset(points.split())
    for name, points in {
        "SchedulingGates": "preEnqueue",
        "PrioritySort": "queueSort",
        "NodeUnschedulable": "filter",
        "NodeName": "filter",
        "TaintToleration": "filter preScore score",
        "NodeAffinity": "preFilter filter preScore score",
        "NodePorts": "preFilter filter",
        "NodeResourcesFit": "preFilter filter preScore score",
        "VolumeRestrictions": "preFilter filter",
        "NodeVolumeLimits": "preFilter filter",
        "VolumeBinding": "preFilter filter reserve preScore score preBind",
        "VolumeZone": "preFilter filter",
        "PodTopologySpread": "preFilter filter preScore score",
        "InterPodAffinity": "preFilter filter preScore score",
        "DynamicResources": "preEnqueue preFilter filter postFilter reserve preBind",
        "DefaultPreemption": "preEnqueue postFilter",
        "NodeResourcesBalancedAllocation": "preScore score",
        "ImageLocality": "score",
        "DefaultBinder": "bind",
    }.items()
}
"""Plugin → its extension points; the plugins in their default order."""

DEFAULT_WEIGHTS = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesFit": 1,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}

GATES = {"DynamicResourceAllocation": True, "StorageCapacityScoring": False}
"""The feature gates that change what a configuration means, with their defaults."""

SYSTEM_CONSTRAINTS = (("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5))
"""(topology key, maxSkew) of the constraints of `defaultingType: System`.

Source: pkg/scheduler/framework/plugins/podtopologyspread/plugin.go.
"""

_DEFAULT_RESOURCES = ("cpu", "memory")


class ProfileError(Exception):
    """Plugins that no scheduler could be made of: plugin set, plugin and problem."""

    def __init__(self, point: str, plugin: str, problem: str) -> None:
        super().__init__(problem)
        self.point = point
        self.plugin = plugin
        self.problem = problem


def merge_plugins(
    custom: PluginsDocument, gates: Mapping[str, bool]
) -> dict[str, PluginSet]:
    """Return the plugin sets of a profile with the default plugins in them.

    All defaults are in `multiPoint`. A default that is enabled anew keeps its place and
    takes the new weight, even none; one that is disabled is dropped, and if it is
    enabled too, comes after the others.
    """
    merged = custom.by_point()
    merged["multiPoint"] = _merge(_default_plugins(gates), merged["multiPoint"])
    return merged


def expand_plugins(sets: Mapping[str, PluginSet]) -> dict[str, list[tuple[str, int]]]:
    """Return who runs at each extension point, in order, with the weights of scorers.

    First those of the point's own list that `multiPoint` has too, then the rest of
    `multiPoint`, then the rest of the list. A weight of the point's own list wins, even
    none; no weight is 1.

    Raises
    ------
    ProfileError
        If a plugin is unknown, named twice at a point, or does not belong there.
    """
    for point in EXTENSION_POINTS:
        _check_own(point, sets[point].enabled)
    several = sets["multiPoint"].enabled
    names = {point: _expand(point, sets[point], several) for point in EXTENSION_POINTS}
    weights = _weights([*sets["score"].enabled, *several])
    return {
        point: [(one, weights[one] if point == "score" else 0) for one in names[point]]
        for point in EXTENSION_POINTS
    }


def needed_plugins(sets: Mapping[str, PluginSet]) -> set[str]:
    """Return the plugins that are enabled anywhere."""
    return {entry.name for one in sets.values() for entry in one.enabled}


def fill_in(args: PluginArgs, gates: Mapping[str, bool]) -> None:
    """Fill in what is absent from a plugin's arguments and depends on the rest."""
    if isinstance(args, NodeResourcesFitArgs):
        if args.scoring_strategy is None:
            args.scoring_strategy = ScoringStrategy(type="LeastAllocated")
        strategy = args.scoring_strategy
        strategy.resources = _resources(strategy.resources)
    elif isinstance(args, NodeResourcesBalancedAllocationArgs):
        args.resources = _resources(args.resources)
    elif isinstance(args, PodTopologySpreadArgs):
        args.defaulting_type = args.defaulting_type or "System"
    elif (
        isinstance(args, VolumeBindingArgs)
        and gates["StorageCapacityScoring"]
        and not args.shape
    ):
        args.shape = [
            UtilizationShapePoint(utilization=0, score=10),
            UtilizationShapePoint(utilization=100, score=0),
        ]


def system_constraints() -> list[TopologySpreadConstraint]:
    """Return the constraints of pods that have none under `defaultingType: System`."""
    return [
        TopologySpreadConstraint(
            max_skew=skew, topology_key=key, when_unsatisfiable="ScheduleAnyway"
        )
        for key, skew in SYSTEM_CONSTRAINTS
    ]


def _default_plugins(gates: Mapping[str, bool]) -> list[PluginEntry]:
    return [
        PluginEntry(name=name, weight=DEFAULT_WEIGHTS.get(name, 0))
        for name in IMPLEMENTS
        if name != "DynamicResources" or gates["DynamicResourceAllocation"]
    ]


def _merge(defaults: list[PluginEntry], custom: PluginSet) -> PluginSet:
    removed = {entry.name for entry in custom.disabled}
    again = {entry.name: index for index, entry in enumerate(custom.enabled)}
    replacing = set()
    enabled = []
    for entry in [] if "*" in removed else defaults:
        if entry.name in removed:
            continue
        index = again.get(entry.name)
        if index is None:
            enabled.append(entry)
        else:
            replacing.add(index)
            enabled.append(custom.enabled[index])
    enabled += [e for i, e in enumerate(custom.enabled) if i not in replacing]
    return PluginSet(enabled=enabled, disabled=custom.disabled)


def _check_own(point: str, enabled: list[PluginEntry]) -> None:
    kind = plugin_kind(point)
    seen = set()
    for entry in enabled:
        name = entry.name
        if name not in IMPLEMENTS:
            raise ProfileError(point, name, f'{kind} "{name}" does not exist')
        if point not in IMPLEMENTS[name]:
            problem = f'plugin "{name}" does not extend {kind} plugin'
            raise ProfileError(point, name, problem)
        if name in seen:
            raise ProfileError(point, name, _registered(name, kind))
        seen.add(name)


def _expand(point: str, own: PluginSet, several: list[PluginEntry]) -> list[str]:
    mine = [entry.name for entry in own.enabled]
    removed = {entry.name for entry in own.disabled}
    if "*" in removed:
        return mine
    overridden = set()
    added: list[str] = []
    for entry in several:
        name = entry.name
        if name not in IMPLEMENTS:
            problem = f'{plugin_kind(point)} "{name}" does not exist'
            raise ProfileError("multiPoint", name, problem)
        if point not in IMPLEMENTS[name] or name in removed:
            continue
        if name in mine:
            overridden.add(name)
        elif name in added:
            raise ProfileError(
                "multiPoint", name, _registered(name, plugin_kind(point))
            )
        else:
            added.append(name)
    return [
        *(name for name in mine if name in overridden),
        *added,
        *(name for name in mine if name not in overridden),
    ]


def _weights(entries: list[PluginEntry]) -> dict[str, int]:
    """Return the weights of the scorers, the first given of each.

    Upstream's guard against an overflow of the total takes a weight below 0 for one,
    unless it is the last.
    """
    weights: dict[str, int] = {}
    for entry in entries:
        if entry.name in weights or "score" not in IMPLEMENTS[entry.name]:
            continue
        if sum(weights.values()) < 0:
            problem = "total score of Score plugins could overflow"
            raise ProfileError("score", next(reversed(weights)), problem)
        weights[entry.name] = entry.weight or 1
    return weights


def plugin_kind(point: str) -> str:
    """Return upstream's name for what runs at an extension point."""
    return f"{point[0].upper()}{point[1:]}Plugin"


def _registered(name: str, kind: str) -> str:
    return f'plugin "{name}" already registered as "{kind}"'


def _resources(given: list[ResourceSpec]) -> list[ResourceSpec]:
    if not given:
        return [ResourceSpec(name=name, weight=1) for name in _DEFAULT_RESOURCES]
    return [ResourceSpec(name=one.name, weight=one.weight or 1) for one in given]
