"""The fields of a KubeSchedulerConfiguration, and what a scheduler makes of them.

`…Document` are the API's own fields; `SchedulerConfiguration` and `ProfileConfig` are
the effective result.
Source: kubernetes v1.34.1 staging/src/k8s.io/kube-scheduler/config/v1.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schedbench.objects.meta import ApiStruct, Int32, Int64
from schedbench.objects.pod import NodeAffinity, TopologySpreadConstraint
from schedbench.scheduler.config_args import (
    DefaultPreemptionArgs,
    InterPodAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    VolumeBindingArgs,
)


class PluginEntry(ApiStruct):
    """A plugin's name and, where it scores, its weight; 0 = not given."""

    name: str = ""
    weight: Int32 = 0


class PluginSet(ApiStruct):
    """What is enabled and what is disabled at one extension point."""

    enabled: list[PluginEntry] = msgspec.field(default_factory=list)
    disabled: list[PluginEntry] = msgspec.field(default_factory=list)


class PluginsDocument(ApiStruct):
    """The plugin sets of a profile, by extension point."""

    multi_point: PluginSet = msgspec.field(default_factory=PluginSet)
    pre_enqueue: PluginSet = msgspec.field(default_factory=PluginSet)
    queue_sort: PluginSet = msgspec.field(default_factory=PluginSet)
    pre_filter: PluginSet = msgspec.field(default_factory=PluginSet)
    filter: PluginSet = msgspec.field(default_factory=PluginSet)
    post_filter: PluginSet = msgspec.field(default_factory=PluginSet)
    pre_score: PluginSet = msgspec.field(default_factory=PluginSet)
    score: PluginSet = msgspec.field(default_factory=PluginSet)
    reserve: PluginSet = msgspec.field(default_factory=PluginSet)
    permit: PluginSet = msgspec.field(default_factory=PluginSet)
    pre_bind: PluginSet = msgspec.field(default_factory=PluginSet)
    bind: PluginSet = msgspec.field(default_factory=PluginSet)
    post_bind: PluginSet = msgspec.field(default_factory=PluginSet)

    def by_point(self) -> dict[str, PluginSet]:
        """Return the sets under the names that the API gives them."""
        return {
            name: getattr(self, field)
            for field, name in zip(
                self.__struct_fields__, self.__struct_encode_fields__, strict=True
            )
        }


class PluginConfigDocument(ApiStruct):
    """The arguments of one plugin, not yet read."""

    name: str = ""
    args: Any = None


class ProfileDocument(ApiStruct):
    """A profile as it is written."""

    scheduler_name: str | None = None
    percentage_of_nodes_to_score: Int32 | None = None
    plugins: PluginsDocument = msgspec.field(default_factory=PluginsDocument)
    plugin_config: list[PluginConfigDocument] = msgspec.field(default_factory=list)


class ManagedResource(ApiStruct):
    """A resource that an extender looks after."""

    name: str = ""
    ignored_by_scheduler: bool = False


class ExtenderDocument(ApiStruct):
    """A scheduler behind HTTP; read for its errors and its name, never called."""

    url_prefix: str = ""
    filter_verb: str = ""
    preempt_verb: str = ""
    prioritize_verb: str = ""
    weight: Int64 = 0
    bind_verb: str = ""
    enable_https: bool = msgspec.field(default=False, name="enableHTTPS")
    tls_config: dict[str, Any] | None = None
    http_timeout: str | None = msgspec.field(default=None, name="httpTimeout")
    node_cache_capable: bool = False
    managed_resources: list[ManagedResource] = msgspec.field(default_factory=list)
    ignorable: bool = False


class ConfigurationDocument(ApiStruct):
    """A KubeSchedulerConfiguration as it is written."""

    api_version: str = ""
    kind: str = ""
    parallelism: Int32 = 16
    leader_election: dict[str, Any] | None = None
    client_connection: dict[str, Any] | None = None
    enable_profiling: bool | None = None
    enable_contention_profiling: bool | None = None
    delay_cache_until_active: bool | None = None
    percentage_of_nodes_to_score: Int32 = 0
    pod_initial_backoff_seconds: Int64 = 1
    pod_max_backoff_seconds: Int64 = 10
    profiles: list[ProfileDocument] = msgspec.field(default_factory=list)
    extenders: list[ExtenderDocument] = msgspec.field(default_factory=list)


class SpreadDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """The topology spread constraints of pods that have none.

    Attributes
    ----------
    constraints
        Without selectors: these are made for each pod.
    system_defaulted
        Whether they are upstream's own; then nodes without a zone take part too.
    """

    constraints: list[TopologySpreadConstraint]
    system_defaulted: bool


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of a profile's plugins, defaults filled in.

    `added_affinity` is NodeAffinity's, `spread_defaults` PodTopologySpread's.
    """

    default_preemption: DefaultPreemptionArgs
    inter_pod_affinity: InterPodAffinityArgs
    added_affinity: NodeAffinity
    node_resources_balanced_allocation: NodeResourcesBalancedAllocationArgs
    node_resources_fit: NodeResourcesFitArgs
    spread_defaults: SpreadDefaults
    volume_binding: VolumeBindingArgs


class ProfileConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What one profile comes to.

    Attributes
    ----------
    name
        The schedulerName that pods ask for.
    percentage_of_nodes_to_score
        The profile's, else the configuration's; 0 = adaptive.
    plugins
        Extension point → (plugin, weight) in the order in which they run; the weight
        is 0 at every point but `score`.
    args
        The plugins' arguments.
    """

    name: str
    percentage_of_nodes_to_score: int
    plugins: dict[str, list[tuple[str, int]]]
    args: Arguments


class SchedulerConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """What a KubeSchedulerConfiguration comes to.

    Attributes
    ----------
    profiles
        By schedulerName, in the order of the document.
    not_modelled
        What would change decisions and is not modelled, each with its field path.
    notes
        What was read and has no effect on decisions, each with its field path.
    """

    profiles: dict[str, ProfileConfig]
    percentage_of_nodes_to_score: int
    parallelism: int
    pod_initial_backoff_seconds: int
    pod_max_backoff_seconds: int
    not_modelled: list[str]
    notes: list[str]
