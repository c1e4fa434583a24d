"""What the volume plugins say of an attempt, in the order that the profile gives them.

They stand outside of the columns: their stops come before the filters, their verdicts
behind those of the plugins that the profile runs earlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Status
from schedbench.plugins.node_volume_limits import NodeVolumeLimits
from schedbench.plugins.prefilter import NodeVerdicts
from schedbench.plugins.volume_binding import VolumeBinding
from schedbench.plugins.volume_restrictions import VolumeRestrictions
from schedbench.plugins.volume_zone import VolumeZone
from schedbench.scheduler.explain import Rejected
from schedbench.scheduler.profiles import Settings

RESTRICTIONS = VolumeRestrictions()
VOLUME_PLUGINS = MappingProxyType(
    {
        plugin.name: plugin
        for plugin in (
            RESTRICTIONS,
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
    for name in settings.points["preFilter"]:
        if name not in VOLUME_PLUGINS:
            continue
        stop = VOLUME_PLUGINS[name].pre_filter(pod, volumes)
        if stop is not None:
            found = Rejected(name, Status(stop.reasons, stop.unresolvable))
            if stop.unresolvable:
                break
    return found


class VolumesBeside:
    """The volume filters for a pod, beside those of the columns.

    Upstream counts the ReadWriteOncePod claims in use once an attempt, and from there
    as pods come and go: so does this, from when it is made.

    Parameters
    ----------
    volumes
        The storage; what comes here and goes comes and goes there.
    settings
        The profile.
    pod
        The pod that is to go somewhere.
    """

    def __init__(self, volumes: VolumeWorld, settings: Settings, pod: Pod) -> None:
        self.volumes = volumes
        self.pod = pod
        self.conflicts = RESTRICTIONS.conflicts_now(pod, volumes)
        order = settings.points["filter"]
        self.place = {name: index for index, name in enumerate(order)}
        self.plugins = [
            name
            for name in order
            if name in VOLUME_PLUGINS
            and not (
                name == RESTRICTIONS.name and RESTRICTIONS.skips(pod, self.conflicts)
            )
        ]

    def put(self, pod: Pod, slot: int) -> None:
        """Let a pod come to a node."""
        self.volumes.add_pod(pod, slot)
        self.conflicts += self._shared_with(pod)

    def take(self, pod: Pod, slot: int) -> None:
        """Let a pod go from a node."""
        self.volumes.remove_pod(pod, slot)
        self.conflicts -= self._shared_with(pod)

    def refusal(self, slot: int, found: Rejected | None) -> Rejected | None:
        """Return who rejects a node first, if the columns found this; or None."""
        if found is None:
            return self.rejections([slot], {}).get(slot)
        return self.rejections([], {slot: found}).get(slot, found)

    def rejections(
        self, feasible: Sequence[int], rejected: Mapping[int, Rejected]
    ) -> dict[int, Rejected]:
        """Return the nodes that a volume plugin is the first to reject, and why.

        Asked for are the feasible nodes, and those that a plugin rejected which the
        profile runs later.
        """
        found: dict[int, Rejected] = {}
        if not uses_volumes(self.pod):
            return found
        for name in self.plugins:
            later = [
                slot
                for slot, one in rejected.items()
                if self.place.get(one.plugin, -1) > self.place[name]
            ]
            open_still = {*feasible, *later} - found.keys()
            slots = np.array(sorted(open_still), dtype=np.int64)
            verdicts = self._verdicts(name, slots)
            for at in np.flatnonzero(verdicts.code):
                status = verdicts.statuses[verdicts.code[at] - 1]
                found[int(slots[at])] = Rejected(name, status)
        return found

    def _verdicts(self, name: str, slots: NDArray[np.int64]) -> NodeVerdicts:
        if name == RESTRICTIONS.name:
            return RESTRICTIONS.filter_nodes(
                self.pod, self.volumes, slots, self.conflicts
            )
        return VOLUME_PLUGINS[name].filter_nodes(self.pod, self.volumes, slots)

    def _shared_with(self, other: Pod) -> int:
        return RESTRICTIONS.conflicts_with(self.pod, other, self.volumes)
