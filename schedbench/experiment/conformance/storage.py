"""What the volume plugins say of an attempt, in the order that the profile gives them.

They stand outside of the columns: their stops come before the filters, their verdicts
behind those of the plugins that the profile runs earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.cluster.volumes import VolumeWorld
from schedbench.experiment.conformance.profiles import Settings
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Status
from schedbench.plugins.node_volume_limits import NodeVolumeLimits
from schedbench.plugins.volume_binding import VolumeBinding
from schedbench.plugins.volume_restrictions import VolumeRestrictions
from schedbench.plugins.volume_zone import VolumeZone
from schedbench.scheduler.config import extension
from schedbench.scheduler.explain import Explanation, Rejected

VOLUME_PLUGINS = MappingProxyType(
    {
        plugin.name: plugin
        for plugin in (
            VolumeRestrictions(),
            NodeVolumeLimits(),
            VolumeBinding(),
            VolumeZone(),
        )
    }
)
"""Name → volume plugin."""


def volume_stop(volumes: VolumeWorld, settings: Settings, pod: Pod) -> Rejected | None:
    """Return the volume plugin that stops a pod before the filters, and why.

    The first unresolvable stop ends the attempt; of others, the last one speaks.
    """
    found: Rejected | None = None
    if not uses_volumes(pod):
        return found
    for name in extension(settings.config, "preFilter"):
        if name not in VOLUME_PLUGINS:
            continue
        stop = VOLUME_PLUGINS[name].pre_filter(pod, volumes)
        if stop is not None:
            found = Rejected(name, Status(stop.reasons, stop.unresolvable))
            if stop.unresolvable:
                break
    return found


def volume_rejections(
    volumes: VolumeWorld, settings: Settings, pod: Pod, told: Explanation
) -> dict[int, Rejected]:
    """Return the nodes that a volume plugin is the first to reject, and why.

    Asked for are the feasible nodes, and those that a plugin rejected which the profile
    runs later. `told` is the decision without the volume plugins.
    """
    found: dict[int, Rejected] = {}
    if not uses_volumes(pod):
        return found
    order = extension(settings.config, "filter")
    place = {name: index for index, name in enumerate(order)}
    for name in order:
        if name not in VOLUME_PLUGINS:
            continue
        slots = _undecided(told, place, name)
        asked = np.array([slot for slot in slots if slot not in found], dtype=np.int64)
        verdicts = VOLUME_PLUGINS[name].filter_nodes(pod, volumes, asked)
        for at in np.flatnonzero(verdicts.code):
            status = verdicts.statuses[verdicts.code[at] - 1]
            found[int(asked[at])] = Rejected(name, status)
    return found


def _undecided(told: Explanation, place: Mapping[str, int], name: str) -> list[int]:
    """Return the slots that reach a plugin, rising."""
    later = [
        slot
        for slot, one in told.rejected.items()
        if place.get(one.plugin, -1) > place[name]
    ]
    return sorted([*told.feasible.tolist(), *later])
