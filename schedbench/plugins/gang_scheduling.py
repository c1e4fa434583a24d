"""GangScheduling: pods of a gang run all together, or none of them.

Pods of a gang are held back until its PodGroup exists and enough of its pods are
there. When the group is then scheduled as one, the plugin tells when it can no longer
become complete. Pods of other groups are held back until their PodGroup exists, and
those under a CompositePodGroup until the whole hierarchy may become complete.

Source: kubernetes (after v1.34, KEP-4671) pkg/scheduler/framework/plugins/
gangscheduling. Its messages are those of the newest version; the Permit of earlier
ones, which let pods wait for each other while they held their nodes, is left out as it
was there: the group cycle has taken its place.
"""

from __future__ import annotations

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import group_of, is_gang

NAME = "GangScheduling"
ABSENT = 'waiting for pod\'s pod group "{}" to appear in scheduling queue'
TOO_FEW = "waiting for minCount pods from a gang to appear in scheduling queue"
TREE_TOO_FEW = 'waiting for composite pod group "{}" tree to meet quorum'


class GangScheduling:
    """Holds pods back whose group cannot become complete yet.

    Parameters
    ----------
    groups
        The groups and their members, as they are.
    """

    name = NAME

    def __init__(self, groups: PodGroupTable) -> None:
        self._groups = groups

    def admits(self, pod: Pod) -> bool:
        """Return whether the pod may enter the active queue."""
        return self.held_because(pod) is None

    def held_because(self, pod: Pod) -> str | None:
        """Return why the pod may not enter the active queue, or None if it may."""
        key = group_of(pod)
        if key is None:
            return None
        groups = self._groups
        group = groups.get(key)
        if group is None:
            return ABSENT.format(key.name)
        parent = groups.parent(key)
        if parent is None:
            return TOO_FEW if is_gang(group) and not groups.ready(key) else None
        root = groups.root(key)
        if root is not None and groups.ready(root):
            return None
        return TREE_TOO_FEW.format(parent.name if root is None else root.name)


def cannot_be_met(min_count: int, scheduled: int, remaining: int) -> str | None:
    """Return why a group can no longer become complete, or None if it can.

    Parameters
    ----------
    min_count
        How many pods, or child groups, must be placed.
    scheduled, remaining
        How many are, and how many have not been tried yet.
    """
    if scheduled + remaining >= min_count:
        return None
    return (
        f"minCount ({min_count}) cannot be satisfied: "
        f"{scheduled} scheduled, {remaining} remaining"
    )
