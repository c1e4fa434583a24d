"""A scheduling profile: which plugins take part, with what weights and arguments."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
from naive import balanced, fit, gpu, node_affinity, pod_topology_spread
from naive.fragmentation import Typical

from schedbench.objects.pod import NodeAffinity, TopologySpreadConstraint

FILTERS = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "GpuShare",
)
WEIGHTS = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "NodeResourcesBalancedAllocation": 1,
}
ALL_FILTERS = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeZone",
    "PodTopologySpread",
    "InterPodAffinity",
    "DynamicResources",
)
"""The filters of the default profile, in order; those without a twin always pass."""
ALL_WEIGHTS = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesFit": 1,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}
POST_FILTERS = ("DynamicResources", "DefaultPreemption")


@dataclasses.dataclass(frozen=True)
class Profile:
    """Plugins in order, the weights of the scorers, and their arguments.

    A GPU policy's name (`BestFit`, `DotProd`, `GpuPacking`, `GpuClustering`, `FGD`) in
    `weights` makes it a scorer; FGD needs `typical` pods and chooses devices itself;
    `largest` is what BestFit, DotProd and GpuClustering divide by. `spread` are the
    constraints of pods without any, `hard_weight` what a requirement of a placed pod is
    worth, `ignore_preferred` makes pods without wishes blind to those of others, and
    `gates` holds pods with scheduling gates back.
    """

    filters: tuple[str, ...] = FILTERS
    pre_filters: tuple[str, ...] = ALL_FILTERS
    weights: dict[str, int] = dataclasses.field(default_factory=lambda: dict(WEIGHTS))
    fit: fit.Strategy = fit.LEAST_ALLOCATED
    ignored: tuple[str, ...] = ()
    ignored_groups: tuple[str, ...] = ()
    balanced: tuple[str, ...] = balanced.RESOURCES
    added: NodeAffinity = node_affinity.NONE
    typical: Typical = ()
    largest: tuple[int, int] = gpu.LARGEST
    spread: pod_topology_spread.Defaults = pod_topology_spread.SYSTEM
    hard_weight: int = 1
    ignore_preferred: bool = False
    post_filters: tuple[str, ...] = POST_FILTERS
    gates: bool = True


DEFAULT = Profile()
WHOLE = Profile(filters=ALL_FILTERS, weights=ALL_WEIGHTS)
"""The default profile with all its plugins."""


def from_configuration(
    document: dict[str, Any] | None, *, whole: bool = False
) -> dict[str, Profile]:
    """Read a KubeSchedulerConfiguration: schedulerName → profile.

    Only plugins that concern a pod by itself are kept, but all with `whole`.
    """
    found = {}
    for given in (document or {}).get("profiles") or [{}]:
        plugins = given.get("plugins") or {}
        arguments = {
            one["name"]: one.get("args") or {}
            for one in given.get("pluginConfig") or []
        }
        found[given.get("schedulerName", "default-scheduler")] = _profile(
            plugins, arguments, WHOLE if whole else DEFAULT
        )
    return found


def _profile(
    plugins: dict[str, Any], arguments: dict[str, Any], base: Profile
) -> Profile:
    fitting = arguments.get("NodeResourcesFit", {})
    balancing = arguments.get("NodeResourcesBalancedAllocation", {})
    affinity = arguments.get("NodeAffinity", {}).get("addedAffinity") or {}
    company = arguments.get("InterPodAffinity", {})
    hard_weight = company.get("hardPodAffinityWeight")
    gates = _effective(plugins, "preEnqueue", {"SchedulingGates": 1})
    after = _effective(plugins, "postFilter", dict.fromkeys(POST_FILTERS, 1))
    resources = balancing.get("resources") or [{"name": "cpu"}, {"name": "memory"}]
    return Profile(
        filters=tuple(_effective(plugins, "filter", dict.fromkeys(base.filters, 1))),
        pre_filters=tuple(
            _effective(plugins, "preFilter", dict.fromkeys(base.filters, 1))
        ),
        weights=_effective(plugins, "score", base.weights),
        fit=_strategy(fitting.get("scoringStrategy") or {}),
        ignored=tuple(fitting.get("ignoredResources") or ()),
        ignored_groups=tuple(fitting.get("ignoredResourceGroups") or ()),
        balanced=tuple(one["name"] for one in resources),
        added=msgspec.convert(affinity, NodeAffinity),
        spread=_spread(arguments.get("PodTopologySpread", {})),
        hard_weight=1 if hard_weight is None else hard_weight,
        ignore_preferred=company.get("ignorePreferredTermsOfExistingPods", False),
        post_filters=tuple(after),
        gates="SchedulingGates" in gates,
    )


def _effective(
    plugins: dict[str, Any], point: str, default: dict[str, int]
) -> dict[str, int]:
    """Change the default set by `multiPoint`, then by the extension point itself."""
    chosen = dict(default)
    for name in ("multiPoint", point):
        changes = plugins.get(name) or {}
        removed = {one["name"] for one in changes.get("disabled") or []}
        if "*" in removed:
            chosen = {}
        chosen = {plugin: w for plugin, w in chosen.items() if plugin not in removed}
        for one in changes.get("enabled") or []:
            if one["name"] in default:
                chosen[one["name"]] = one.get("weight") or 1
    return chosen


def _spread(given: dict[str, Any]) -> pod_topology_spread.Defaults:
    if given.get("defaultingType", "System") == "System":
        return pod_topology_spread.SYSTEM
    constraints = given.get("defaultConstraints") or []
    return pod_topology_spread.Defaults(
        msgspec.convert(tuple(constraints), tuple[TopologySpreadConstraint, ...]),
        system=False,
    )


def _strategy(given: dict[str, Any]) -> fit.Strategy:
    resources = given.get("resources") or [{"name": "cpu"}, {"name": "memory"}]
    ratio = given.get("requestedToCapacityRatio") or {}
    return fit.Strategy(
        type=given.get("type", "LeastAllocated"),
        resources=tuple((one["name"], one.get("weight") or 1) for one in resources),
        shape=tuple(
            (point.get("utilization", 0), point.get("score", 0))
            for point in ratio.get("shape") or []
        ),
    )
