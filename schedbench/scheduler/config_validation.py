"""What upstream refuses in a KubeSchedulerConfiguration whose defaults are filled in.

Source: kubernetes v1.34.1 pkg/scheduler/apis/config/validation/validation.go, and
framework/runtime/framework.go for the plugins that a profile must have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schedbench.scheduler.config_defaults import EXTENSION_POINTS
from schedbench.scheduler.config_problems import (
    Problem,
    duplicate,
    invalid,
    qualified_name_problems,
    required,
)
from schedbench.scheduler.config_structs import (
    ConfigurationDocument,
    ExtenderDocument,
    PluginSet,
    ProfileDocument,
)

API_VERSION = "kubescheduler.config.k8s.io/v1"

REMOVED_PLUGINS = ("AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits")
_REMOVED = (
    'was invalid in version "v1" '
    f'(KubeSchedulerConfiguration is version "{API_VERSION}")'
)


def configuration_problems(document: ConfigurationDocument) -> Iterator[Problem]:
    """Yield what is wrong with all but the plugins' arguments."""
    if document.parallelism <= 0:
        yield invalid(
            "parallelism",
            document.parallelism,
            "should be an integer value greater than zero",
        )
    first_of: dict[str, int] = {}
    for index, profile in enumerate(document.profiles):
        where = f"profiles[{index}]"
        yield from _profile_problems(where, profile)
        name = profile.scheduler_name or ""
        if name in first_of:
            place = f"profiles[{first_of[name]}].schedulerName"
            yield Problem(f"{where}.schedulerName", f"Duplicate value: {place}")
        first_of[name] = index
    yield from _queue_sort_problems(document.profiles)
    yield from _percentage_problems("", document.percentage_of_nodes_to_score)
    initial, longest = (
        document.pod_initial_backoff_seconds,
        document.pod_max_backoff_seconds,
    )
    if initial <= 0:
        yield invalid("podInitialBackoffSeconds", initial, "must be greater than 0")
    if longest < initial:
        detail = "must be greater than or equal to PodInitialBackoffSeconds"
        yield invalid("podMaxBackoffSeconds", longest, detail)
    yield from _extender_problems(document.extenders)


def plugin_list_problems(
    where: str, name: str, plugins: Mapping[str, list[tuple[str, int]]]
) -> Iterator[Problem]:
    """Yield what no profile may be without."""
    sorters = len(plugins["queueSort"])
    whose = f'profile with scheduler name "{name}"'
    if sorters != 1:
        yield Problem(
            f"{where}.plugins.queueSort",
            f"only one queue sort plugin required for {whose}, but got {sorters}",
        )
    elif not plugins["bind"]:
        yield Problem(
            f"{where}.plugins.bind", f"at least one bind plugin is needed for {whose}"
        )


def _profile_problems(where: str, profile: ProfileDocument) -> Iterator[Problem]:
    if not profile.scheduler_name:
        yield required(f"{where}.schedulerName")
    yield from _percentage_problems(f"{where}.", profile.percentage_of_nodes_to_score)
    for point, plugin_set in profile.plugins.by_point().items():
        for index, entry in enumerate(plugin_set.enabled):
            if entry.name in REMOVED_PLUGINS and point in EXTENSION_POINTS:
                place = f"{where}.plugins.{point}.enabled[{index}]"
                yield invalid(place, entry.name, _REMOVED)
    seen = set()
    for index, one in enumerate(profile.plugin_config):
        place = f"{where}.pluginConfig[{index}]"
        if one.name in seen:
            yield duplicate(place, one.name)
        seen.add(one.name)
        if one.name in REMOVED_PLUGINS:
            yield invalid(place, one.name, _REMOVED)


def _percentage_problems(where: str, percentage: int | None) -> Iterator[Problem]:
    if percentage is not None and not 0 <= percentage <= 100:
        place = f"{where}percentageOfNodesToScore"
        yield invalid(place, percentage, "not in valid range [0-100]")


def _queue_sort_problems(profiles: list[ProfileDocument]) -> Iterator[Problem]:
    """Yield where the profiles differ in how they sort the one queue."""
    first = profiles[0].plugins.queue_sort
    if len(first.enabled) > 1:
        place = "profiles[0].plugins.queueSort.Enabled"
        detail = "only one queue sort plugin can be enabled"
        yield invalid(place, len(first.enabled), detail)
    for index, profile in enumerate(profiles):
        own = profile.plugins.queue_sort
        if own != first:
            place = f"profiles[{index}].plugins.queueSort"
            yield invalid(place, _as_shown(own), "must be the same for all profiles")


def _as_shown(plugin_set: PluginSet) -> dict[str, object]:
    """Return a set as upstream's messages show it."""
    return {
        field: [{"Name": one.name, "Weight": one.weight} for one in entries] or None
        for field, entries in (
            ("Enabled", plugin_set.enabled),
            ("Disabled", plugin_set.disabled),
        )
    }


def _extender_problems(extenders: list[ExtenderDocument]) -> Iterator[Problem]:
    seen = set()
    for index, one in enumerate(extenders):
        where = f"extenders[{index}]"
        if one.prioritize_verb and one.weight <= 0:
            detail = "must have a positive weight applied to it"
            yield invalid(f"{where}.weight", one.weight, detail)
        for j, resource in enumerate(one.managed_resources):
            place = f"{where}.managedResources[{j}].name"
            yield from _extended_resource_problems(place, resource.name)
            if resource.name in seen:
                detail = "duplicate extender managed resource name"
                yield invalid(place, resource.name, detail)
            seen.add(resource.name)
    binders = sum(bool(one.bind_verb) for one in extenders)
    if binders > 1:
        found = f"found {binders} extenders implementing bind"
        yield invalid("extenders", found, "only one extender can implement bind")


def _extended_resource_problems(where: str, name: str) -> Iterator[Problem]:
    """Yield why a name is none of an extended resource.

    Source: pkg/apis/core/v1/helper/helpers.go (`IsExtendedResourceName`).
    """
    problems = qualified_name_problems(name)
    for problem in problems:
        yield invalid(where, name, problem)
    native = "/" not in name or "kubernetes.io/" in name
    if not problems and (
        native
        or name.startswith("requests.")
        or qualified_name_problems(f"requests.{name}")
    ):
        yield invalid(where, name, "is an invalid extended resource name")
