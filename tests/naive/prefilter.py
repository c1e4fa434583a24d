"""PreFilter: what plugins say of a pod before any node is looked at."""

from __future__ import annotations

from typing import NamedTuple

from naive import node_affinity, volumes
from naive.profile import Profile
from naive.verdict import Reasons
from naive.world import World

from schedbench.objects.pod import Pod

NARROWED = Reasons(
    ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], unresolvable=True
)


class Stopped(NamedTuple):
    """The plugin that stopped the pod, and why."""

    plugin: str
    reasons: Reasons


def before(pod: Pod, world: World, profile: Profile) -> Stopped | set[str] | None:
    """Return who stopped the pod, the nodes to which it is narrowed, or None = all."""
    names = None
    if "NodeAffinity" in profile.pre_filters:
        names = node_affinity.named_nodes(pod)
    if names is not None and not names:
        return Stopped("NodeAffinity", node_affinity.CONFLICT)
    if world.storage is not None and "VolumeBinding" in profile.pre_filters:
        stop = volumes.stop(pod, world.storage)
        if stop is not None:
            return Stopped(*stop)
    return names
