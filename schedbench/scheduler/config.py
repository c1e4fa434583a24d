"""A KubeSchedulerConfiguration, read unchanged, and what it comes to.

Defaults, merging and errors are those of kube-scheduler v1.34.1. What has no effect on
decisions is noted, what is not modelled is named; nothing is passed over in silence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from schedbench.errors import InputError
from schedbench.objects.pod import NodeAffinity, TopologySpreadConstraint
from schedbench.scheduler.config_args import (
    ARGUMENTS,
    LoosePreference,
    NodeAffinityArgs,
    PluginArgs,
    PodTopologySpreadArgs,
)
from schedbench.scheduler.config_args_validation import argument_problems
from schedbench.scheduler.config_decode import decode_strictly
from schedbench.scheduler.config_defaults import (
    EXTENSION_POINTS,
    GATES,
    IMPLEMENTS,
    ProfileError,
    expand_plugins,
    fill_in,
    merge_plugins,
    needed_plugins,
    plugin_kind,
    system_constraints,
)
from schedbench.scheduler.config_notes import not_modelled, notes
from schedbench.scheduler.config_problems import Problem, raise_for
from schedbench.scheduler.config_structs import (
    Arguments,
    ConfigurationDocument,
    PluginSet,
    ProfileConfig,
    ProfileDocument,
    SchedulerConfiguration,
    SpreadDefaults,
)
from schedbench.scheduler.config_validation import (
    API_VERSION,
    configuration_problems,
    plugin_list_problems,
)
from schedbench.sources.documents import load_documents

KIND = "KubeSchedulerConfiguration"
DEFAULT_SCHEDULER = "default-scheduler"
NOTHING_LIKED = LoosePreference(weight=1)
"""In the place of terms that upstream does not read; that there are terms matters."""


def read_configuration(
    source: Path | str, *, feature_gates: Mapping[str, bool] | None = None
) -> SchedulerConfiguration:
    """Read a YAML or JSON file, or `-` for standard input.

    Raises
    ------
    InputError
        If it cannot be read, or upstream would refuse what it says.
    """
    documents = list(load_documents(source))
    if len(documents) != 1:
        raise InputError(
            f"expected one {KIND}, found {len(documents)} documents", source=source
        )
    label, document = documents[0]
    return load_configuration(document, source=label, feature_gates=feature_gates)


def load_configuration(
    document: dict[str, Any] | None,
    *,
    source: object = None,
    feature_gates: Mapping[str, bool] | None = None,
) -> SchedulerConfiguration:
    """Return what a decoded document comes to; None = the default configuration.

    Parameters
    ----------
    document
        The document, as YAML or JSON gives it; it is not changed.
    source
        The file, for errors.
    feature_gates
        Gates that are not at their defaults; those without effect here are ignored.

    Raises
    ------
    InputError
        If upstream would refuse it: the field path and upstream's words.
    """
    gates = {**GATES, **(feature_gates or {})}
    try:
        if document is None:
            document = {"apiVersion": API_VERSION, "kind": KIND}
        return _load(document, gates)
    except InputError as error:
        raise error.at(source=source) from None


def extension(profile: ProfileConfig, point: str) -> list[str]:
    """Return the plugins that run at an extension point, in order."""
    return [name for name, _ in profile.plugins[point]]


def _load(
    document: dict[str, Any], gates: Mapping[str, bool]
) -> SchedulerConfiguration:
    _check_kind(document)
    given = decode_strictly(document, ConfigurationDocument)
    given.profiles = given.profiles or [ProfileDocument()]
    if len(given.profiles) == 1 and given.profiles[0].scheduler_name is None:
        given.profiles[0].scheduler_name = DEFAULT_SCHEDULER
    plugins = [merge_plugins(one.plugins, gates) for one in given.profiles]
    args = [
        _arguments(f"profiles[{index}].pluginConfig", one, gates)
        for index, one in enumerate(given.profiles)
    ]
    problems = list(configuration_problems(given))
    for index, (one, sets) in enumerate(zip(given.profiles, plugins, strict=True)):
        problems += _argument_problems(index, one, args[index], sets, gates)
    raise_for(problems)
    for index, (one, sets) in enumerate(zip(given.profiles, plugins, strict=True)):
        raise_for(list(_unknown_plugins(index, one, sets)))
    profiles = [
        _profile(index, one, given, plugins[index], args[index])
        for index, one in enumerate(given.profiles)
    ]
    return SchedulerConfiguration(
        profiles={one.name: one for one in profiles},
        percentage_of_nodes_to_score=given.percentage_of_nodes_to_score,
        parallelism=given.parallelism,
        pod_initial_backoff_seconds=given.pod_initial_backoff_seconds,
        pod_max_backoff_seconds=given.pod_max_backoff_seconds,
        not_modelled=list(not_modelled(given)),
        notes=list(notes(given, document)),
    )


def _check_kind(document: dict[str, Any]) -> None:
    kind, version = document.get("kind"), document.get("apiVersion")
    for field, found in (("Kind", kind), ("apiVersion", version)):
        if not found:
            text = f"not an API object: Object '{field}' is missing"
            raise InputError(text, fix=f"give apiVersion {API_VERSION} and kind {KIND}")
    if kind != KIND or version != API_VERSION:
        raise _not_registered(kind, version, "")


def _not_registered(kind: object, version: object, where: str) -> InputError:
    return InputError(
        f'no kind "{kind}" is registered for version "{version}"',
        where=f"{where}.apiVersion".removeprefix("."),
        fix=f"give apiVersion {API_VERSION}{'' if where else f' and kind {KIND}'}",
    )


def _arguments(
    where: str, profile: ProfileDocument, gates: Mapping[str, bool]
) -> dict[str, PluginArgs]:
    """Return the arguments of every plugin that has some; those given first win."""
    found: dict[str, PluginArgs] = {}
    for index, one in enumerate(profile.plugin_config):
        if one.name not in ARGUMENTS:
            continue
        place = f"{where}[{index}].args"
        given = {} if one.args is None else one.args
        args = decode_strictly(given, ARGUMENTS[one.name], place)
        kind = f"{one.name}Args"
        if args.kind not in {"", kind}:
            text = (
                f"args for plugin {one.name} were not of type {kind}, got {args.kind}"
            )
            raise InputError(
                text, where=f"{place}.kind", fix=f"write {kind}, or nothing"
            )
        if args.api_version not in {"", API_VERSION}:
            raise _not_registered(kind, args.api_version, place)
        found.setdefault(one.name, args)
    for name in ARGUMENTS:
        found.setdefault(name, ARGUMENTS[name]())
        fill_in(found[name], gates)
    return found


def _argument_problems(
    index: int,
    profile: ProfileDocument,
    args: Mapping[str, PluginArgs],
    sets: Mapping[str, PluginSet],
    gates: Mapping[str, bool],
) -> Iterator[Problem]:
    """Yield what is wrong with the arguments that upstream looks at.

    Those of NodeResourcesFit are looked at only where the plugin is in use.
    """
    seen = {"NodeResourcesFit"} - needed_plugins(sets)
    for position, one in enumerate(profile.plugin_config):
        if one.name in args and one.name not in seen:
            seen.add(one.name)
            where = f"profiles[{index}].pluginConfig[{position}].args"
            yield from argument_problems(where, args[one.name], gates)


def _unknown_plugins(
    index: int, profile: ProfileDocument, sets: Mapping[str, PluginSet]
) -> Iterator[Problem]:
    open_points = (
        point
        for point in EXTENSION_POINTS
        if all(entry.name != "*" for entry in sets[point].disabled)
    )
    first = next(open_points, EXTENSION_POINTS[0])
    for point in (*EXTENSION_POINTS, "multiPoint"):
        kind = plugin_kind(first if point == "multiPoint" else point)
        for entry in sets[point].enabled:
            if entry.name in IMPLEMENTS:
                continue
            near = difflib.get_close_matches(entry.name, IMPLEMENTS, n=1, cutoff=0.8)
            hint = f", did you mean {near[0]!r}?" if near else ""
            yield Problem(
                _place(index, profile, point, entry.name),
                f'{kind} "{entry.name}" does not exist{hint}',
            )


def _place(index: int, profile: ProfileDocument, point: str, plugin: str) -> str:
    """Return where the document enables a plugin last."""
    where = f"profiles[{index}].plugins.{point}.enabled"
    entries = profile.plugins.by_point()[point].enabled
    found = [k for k, entry in enumerate(entries) if entry.name == plugin]
    return f"{where}[{found[-1]}]" if found else where


def _profile(
    index: int,
    profile: ProfileDocument,
    document: ConfigurationDocument,
    sets: Mapping[str, PluginSet],
    args: dict[str, PluginArgs],
) -> ProfileConfig:
    name = profile.scheduler_name or ""
    try:
        plugins = expand_plugins(sets)
    except ProfileError as error:
        place = _place(index, profile, error.point, error.plugin)
        raise InputError(error.problem, where=place) from None
    raise_for(list(plugin_list_problems(f"profiles[{index}]", name, plugins)))
    percentage = profile.percentage_of_nodes_to_score
    if percentage is None:
        percentage = document.percentage_of_nodes_to_score
    return ProfileConfig(
        name=name,
        percentage_of_nodes_to_score=percentage,
        plugins=plugins,
        args=_checked(args),
    )


def _checked(args: Mapping[str, Any]) -> Arguments:
    """Return arguments that have been found right."""
    return Arguments(
        default_preemption=args["DefaultPreemption"],
        inter_pod_affinity=args["InterPodAffinity"],
        added_affinity=_added_affinity(args["NodeAffinity"]),
        node_resources_balanced_allocation=args["NodeResourcesBalancedAllocation"],
        node_resources_fit=args["NodeResourcesFit"],
        spread_defaults=_spread_defaults(args["PodTopologySpread"]),
        volume_binding=args["VolumeBinding"],
    )


def _added_affinity(args: NodeAffinityArgs) -> NodeAffinity:
    added = args.added_affinity
    if added is None:
        return NodeAffinity()
    liked = added.preferred_during_scheduling_ignored_during_execution
    added.preferred_during_scheduling_ignored_during_execution = [
        NOTHING_LIKED if one.is_void else one for one in liked
    ]
    return msgspec.convert(msgspec.to_builtins(added), NodeAffinity)


def _spread_defaults(args: PodTopologySpreadArgs) -> SpreadDefaults:
    system = args.defaulting_type == "System"
    given = msgspec.to_builtins(args.default_constraints)
    listed = msgspec.convert(given, list[TopologySpreadConstraint])
    return SpreadDefaults(
        constraints=system_constraints() if system else listed, system_defaulted=system
    )
