"""The arguments of plugins (`pluginConfig[].args`), as the API has them.

What upstream checks only after reading is read loosely here, so that the error can be
upstream's. Source: kubernetes v1.34.1
staging/src/k8s.io/kube-scheduler/config/v1/types_pluginargs.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schedbench.objects.meta import ApiStruct, Int32, Int64


class PluginArgs(ApiStruct):
    """What the arguments of every plugin may open with."""

    api_version: str = ""
    kind: str = ""


class DefaultPreemptionArgs(PluginArgs):
    """How many candidate nodes preemption looks at, at least."""

    min_candidate_nodes_percentage: Int32 = 10
    min_candidate_nodes_absolute: Int32 = 100


class DynamicResourcesArgs(PluginArgs):
    """Accepted and without effect: a limit on real time."""

    filter_timeout: str | None = None


class InterPodAffinityArgs(PluginArgs):
    """The weight of existing pods' required affinity, and whether wishes count."""

    hard_pod_affinity_weight: Int32 = 1
    ignore_preferred_terms_of_existing_pods: bool = False


class ResourceSpec(ApiStruct):
    """A resource and its weight in a mean; a weight of 0 stands for 1."""

    name: str = ""
    weight: Int64 = 0


class UtilizationShapePoint(ApiStruct):
    """A point of a score function: utilization 0..100 → score 0..10."""

    utilization: Int32 = 0
    score: Int32 = 0


class RequestedToCapacityRatioParam(ApiStruct):
    """A score function by its points, utilization rising."""

    shape: list[UtilizationShapePoint] = msgspec.field(default_factory=list)


class ScoringStrategy(ApiStruct):
    """How NodeResourcesFit scores."""

    type: str = ""
    resources: list[ResourceSpec] = msgspec.field(default_factory=list)
    requested_to_capacity_ratio: RequestedToCapacityRatioParam | None = None


class NodeResourcesFitArgs(PluginArgs):
    """What the filter ignores, and how to score."""

    ignored_resources: list[str] = msgspec.field(default_factory=list)
    ignored_resource_groups: list[str] = msgspec.field(default_factory=list)
    scoring_strategy: ScoringStrategy | None = None

    @property
    def strategy(self) -> ScoringStrategy:
        """The scoring strategy; there is one once the defaults are filled in."""
        assert self.scoring_strategy is not None
        return self.scoring_strategy


class NodeResourcesBalancedAllocationArgs(PluginArgs):
    """The resources that are to be used evenly."""

    resources: list[ResourceSpec] = msgspec.field(default_factory=list)


class VolumeBindingArgs(PluginArgs):
    """How long to wait for a binding, and how to score by capacity."""

    bind_timeout_seconds: Int64 = 600
    shape: list[UtilizationShapePoint] | None = None


class LooseRequirement(ApiStruct):
    """A NodeSelectorRequirement before its operator has been checked."""

    key: str = ""
    operator: str = ""
    values: list[str] = msgspec.field(default_factory=list)


class LooseTerm(ApiStruct):
    """A NodeSelectorTerm of such requirements."""

    match_expressions: list[LooseRequirement] = msgspec.field(default_factory=list)
    match_fields: list[LooseRequirement] = msgspec.field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the term has no requirement: then it matches nothing."""
        return not self.match_expressions and not self.match_fields


class LooseSelector(ApiStruct):
    """A NodeSelector of such terms."""

    node_selector_terms: list[LooseTerm] = msgspec.field(default_factory=list)


class LoosePreference(ApiStruct):
    """A PreferredSchedulingTerm of such a term."""

    weight: Int32 = 0
    preference: LooseTerm = msgspec.field(default_factory=LooseTerm)

    @property
    def is_void(self) -> bool:
        """Whether upstream passes over it, unread."""
        return self.weight == 0 or self.preference.is_empty


class LooseNodeAffinity(ApiStruct):
    """A NodeAffinity of such terms."""

    required_during_scheduling_ignored_during_execution: LooseSelector | None = None
    preferred_during_scheduling_ignored_during_execution: list[LoosePreference] = (
        msgspec.field(default_factory=list)
    )


class NodeAffinityArgs(PluginArgs):
    """An affinity that every pod has beside its own."""

    added_affinity: LooseNodeAffinity | None = None


class LooseConstraint(ApiStruct):
    """A TopologySpreadConstraint before its values have been checked."""

    max_skew: Int32 = 0
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: dict[str, Any] | None = None
    min_domains: Int32 | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: list[str] = msgspec.field(default_factory=list)


class PodTopologySpreadArgs(PluginArgs):
    """The constraints of pods that have none: upstream's own, or a list."""

    default_constraints: list[LooseConstraint] = msgspec.field(default_factory=list)
    defaulting_type: str = "System"


ARGUMENTS: dict[str, type[PluginArgs]] = {
    "DefaultPreemption": DefaultPreemptionArgs,
    "DynamicResources": DynamicResourcesArgs,
    "InterPodAffinity": InterPodAffinityArgs,
    "NodeAffinity": NodeAffinityArgs,
    "NodeResourcesBalancedAllocation": NodeResourcesBalancedAllocationArgs,
    "NodeResourcesFit": NodeResourcesFitArgs,
    "PodTopologySpread": PodTopologySpreadArgs,
    "VolumeBinding": VolumeBindingArgs,
}
"""Plugin → its arguments; the other plugins have none."""
