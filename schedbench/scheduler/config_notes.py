"""What of a KubeSchedulerConfiguration is not modelled, and what changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schedbench.scheduler.config_args import ARGUMENTS
from schedbench.scheduler.config_defaults import IMPLEMENTS
from schedbench.scheduler.config_structs import ConfigurationDocument


def not_modelled(document: ConfigurationDocument) -> Iterator[str]:
    """Yield what would change decisions and is not modelled."""
    for index, one in enumerate(document.extenders):
        yield f"extenders[{index}]: extender {one.url_prefix or '(no urlPrefix)'}"


def notes(document: ConfigurationDocument, given: dict[str, Any]) -> Iterator[str]:
    """Yield what is accepted and changes no decision."""
    for field in (
        "leaderElection",
        "clientConnection",
        "enableProfiling",
        "enableContentionProfiling",
        "delayCacheUntilActive",
    ):
        if given.get(field) is not None:
            yield f"{field}: has no effect on decisions"
    for index, profile in enumerate(document.profiles):
        where = f"profiles[{index}]"
        for position, one in enumerate(profile.plugin_config):
            place = f"{where}.pluginConfig[{position}]"
            if one.name == "DynamicResources":
                yield f"{place}: has no effect on decisions"
            elif one.name not in ARGUMENTS:
                yield f"{place}: {one.name!r} takes no arguments; they have no effect"
        for point, plugin_set in profile.plugins.by_point().items():
            for position, entry in enumerate(plugin_set.disabled):
                if entry.name not in {*IMPLEMENTS, "*"}:
                    place = f"{where}.plugins.{point}.disabled[{position}]"
                    yield f"{place}: there is no plugin {entry.name!r} to disable"
