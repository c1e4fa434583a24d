"""What the configuration of a case says of its profiles."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from schedbench.plugins.base import ScorePlugin
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.taint_toleration import TaintToleration
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

DEFAULT_NAME = "default-scheduler"
FILTERS = (
    "NodeUnschedulable",
    "NodeName",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeResourcesFit",
)
SCORES = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesFit": 1,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """A profile, and what of it the columnar cycle does not read.

    Attributes
    ----------
    profile
        Filters and scores, the first of ties taken.
    weights
        Score plugins that are on → weight, also those without a model.
    arguments
        Plugin → its arguments as given.
    gates, preempts
        Whether SchedulingGates and DefaultPreemption are on.
    percentage
        percentageOfNodesToScore; 0 = adaptive.
    """

    profile: Profile
    weights: Mapping[str, int]
    arguments: Mapping[str, Mapping[str, Any]]
    gates: bool
    preempts: bool
    percentage: int


def read_profiles(config: Mapping[str, Any] | None) -> dict[str, Settings]:
    """Return schedulerName → profile."""
    overall = (config or {}).get("percentageOfNodesToScore") or 0
    return {
        given.get("schedulerName") or DEFAULT_NAME: _settings(given, overall)
        for given in (config or {}).get("profiles") or [{}]
    }


def _settings(given: Mapping[str, Any], overall: int) -> Settings:
    plugins = given.get("plugins") or {}
    arguments = {
        each["name"]: each.get("args") or {} for each in given.get("pluginConfig") or ()
    }
    weights = _effective(plugins, "score", SCORES)
    made = _score_plugins(arguments)
    scores = [WeightedScore(made[n], w) for n, w in weights.items() if n in made]
    filters = tuple(_effective(plugins, "filter", dict.fromkeys(FILTERS, 1)))
    percentage = given.get("percentageOfNodesToScore")
    gates = {"SchedulingGates": 1}
    preemption = {"DefaultPreemption": 1}
    return Settings(
        profile=Profile("recorded", scores, filters, tie=Tie.FIRST),
        weights=weights,
        arguments=arguments,
        gates=bool(_effective(plugins, "preEnqueue", gates)),
        preempts=bool(_effective(plugins, "postFilter", preemption)),
        percentage=overall if percentage is None else percentage,
    )


def _effective(
    plugins: Mapping[str, Any], point: str, default: Mapping[str, int]
) -> dict[str, int]:
    """Change the default set by `multiPoint`, then by the extension point itself."""
    chosen = dict(default)
    for name in ("multiPoint", point):
        changes = plugins.get(name) or {}
        removed = {each["name"] for each in changes.get("disabled") or ()}
        if "*" in removed:
            chosen = {}
        chosen = {each: w for each, w in chosen.items() if each not in removed}
        for each in changes.get("enabled") or ():
            if each["name"] in default:
                chosen[each["name"]] = each.get("weight") or default[each["name"]]
    return chosen


def _score_plugins(arguments: Mapping[str, Any]) -> dict[str, ScorePlugin]:
    strategy = arguments.get("NodeResourcesFit", {}).get("scoringStrategy") or {}
    ratio = strategy.get("requestedToCapacityRatio") or {}
    balanced = arguments.get("NodeResourcesBalancedAllocation", {})
    return {
        "TaintToleration": TaintToleration(),
        "NodeAffinity": NodeAffinity(),
        "NodeResourcesFit": NodeResourcesFit(
            strategy.get("type", "LeastAllocated"),
            _resources(strategy),
            [
                (point.get("utilization", 0), point.get("score", 0))
                for point in ratio.get("shape") or ()
            ],
        ),
        "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocation(
            _resources(balanced)
        ),
    }


def _resources(given: Mapping[str, Any]) -> list[tuple[str, int]]:
    listed = given.get("resources") or ({"name": "cpu"}, {"name": "memory"})
    return [(each["name"], each.get("weight") or 1) for each in listed]
