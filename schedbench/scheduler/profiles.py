"""What a configuration comes to: one profile at work for each schedulerName."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from schedbench.errors import NotModelledError
from schedbench.plugins.base import ScorePlugin
from schedbench.plugins.gpu_share import GpuShare
from schedbench.plugins.inter_pod_affinity import InterPodAffinity
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.pod_topology_spread import PodTopologySpread
from schedbench.plugins.registry import PLUGINS, plugin_class
from schedbench.scheduler.config import (
    extension,
    load_configuration,
    read_configuration,
)
from schedbench.scheduler.config_args import ResourceSpec
from schedbench.scheduler.config_structs import Arguments, ProfileConfig
from schedbench.scheduler.profile import Profile, Tie, WeightedScore

RELEASE = "v1.34.1"
"""The release of kube-scheduler that decisions are equal to."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """A profile as configured, and as the columnar cycle takes it.

    `backoff` is the scheduler's: seconds at first and at most.
    """

    config: ProfileConfig
    profile: Profile
    backoff: tuple[float, float] = (1.0, 10.0)

    @functools.cached_property
    def points(self) -> Mapping[str, Sequence[str]]:
        """Extension point → the plugins that run there, in order."""
        return {point: extension(self.config, point) for point in self.config.plugins}

    def sampling(self, percentage: int) -> Settings:
        """Return the profile with another percentageOfNodesToScore."""
        profile = dataclasses.replace(self.profile, percentage=percentage)
        return dataclasses.replace(self, profile=profile)

    def runs(self, plugin: str, point: str) -> bool:
        """Return whether a plugin runs at an extension point."""
        return plugin in self.points[point]


def read_profiles(
    config: Mapping[str, Any] | Path | None, *, tie: Tie = Tie.FIRST
) -> dict[str, Settings]:
    """Return schedulerName → profile.

    Parameters
    ----------
    config
        A KubeSchedulerConfiguration, decoded or its file; None = the default one.

    Raises
    ------
    InputError
        If kube-scheduler would refuse the configuration.
    NotModelledError
        If it asks for what is not modelled: extenders, plugins of others.
    """
    if isinstance(config, Path):
        found = read_configuration(config)
    else:
        found = load_configuration(None if config is None else dict(config))
    if found.not_modelled:
        raise NotModelledError(
            f"the configuration asks for {', '.join(found.not_modelled)}",
            source=config if isinstance(config, Path) else None,
            fix="remove it, or compare without it",
        )
    backoff = found.pod_initial_backoff_seconds, found.pod_max_backoff_seconds
    return {
        name: Settings(one, columnar_profile(one, tie), backoff)
        for name, one in found.profiles.items()
    }


def columnar_profile(config: ProfileConfig, tie: Tie) -> Profile:
    """Return a profile of those of its plugins that have columns, and GPU sharing."""
    scores = [
        WeightedScore(plugin, weight)
        for name, weight in config.plugins["score"]
        if (plugin := _score_plugin(name, config.args)) is not None
    ]
    names = [*extension(config, "filter"), GpuShare.name]
    filters = tuple(name for name in names if name in PLUGINS)
    scoring = {score.plugin.name for score in scores}
    configured = [
        make(config.args)
        for name, make in _CONFIGURED.items()
        if name in filters and name not in scoring
    ]
    return Profile(
        config.name,
        scores,
        filters,
        tie=tie,
        configured=configured,
        percentage=config.percentage_of_nodes_to_score,
    )


def _score_plugin(name: str, args: Arguments) -> ScorePlugin | None:
    if name in _CONFIGURED:
        return _CONFIGURED[name](args)
    if name not in PLUGINS or plugin_class(name).score_scope is None:
        return None
    plugin = plugin_class(name)()
    assert isinstance(plugin, ScorePlugin)
    return plugin


def _fit(args: Arguments) -> ScorePlugin:
    strategy = args.node_resources_fit.strategy
    ratio = strategy.requested_to_capacity_ratio
    shape = [(each.utilization, each.score) for each in ratio.shape] if ratio else []
    kind: Any = strategy.type
    given = args.node_resources_fit
    return NodeResourcesFit(
        kind,
        _weighted(strategy.resources),
        shape,
        ignored=given.ignored_resources,
        ignored_groups=given.ignored_resource_groups,
    )


def _balanced(args: Arguments) -> ScorePlugin:
    resources = args.node_resources_balanced_allocation.resources
    return NodeResourcesBalancedAllocation(_weighted(resources))


def _inter_pod(args: Arguments) -> ScorePlugin:
    given = args.inter_pod_affinity
    return InterPodAffinity(
        given.hard_pod_affinity_weight,
        ignore_preferred_terms_of_existing_pods=(
            given.ignore_preferred_terms_of_existing_pods
        ),
    )


def _spread(args: Arguments) -> ScorePlugin:
    defaults = args.spread_defaults
    kind = "System" if defaults.system_defaulted else "List"
    return PodTopologySpread(defaults.constraints, kind)  # type: ignore[arg-type]


def _affinity(args: Arguments) -> ScorePlugin:
    return NodeAffinity(args.added_affinity)


_CONFIGURED: Mapping[str, Callable[[Arguments], ScorePlugin]] = {
    "NodeAffinity": _affinity,
    "NodeResourcesFit": _fit,
    "NodeResourcesBalancedAllocation": _balanced,
    "InterPodAffinity": _inter_pod,
    "PodTopologySpread": _spread,
}


def _weighted(resources: Sequence[ResourceSpec]) -> list[tuple[str, int]]:
    return [(each.name, each.weight or 1) for each in resources]
