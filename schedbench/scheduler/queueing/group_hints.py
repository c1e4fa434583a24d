"""Hints of GangScheduling: what lets pods be tried again whose group was incomplete.

Pods help each other if one of them comes to the group of the other, or to another
group under the same topmost group; so do groups that come, or a gang that needs fewer
pods than before. Pods that were held back are asked for again on the same events.

Source: kubernetes (after v1.34) pkg/scheduler/framework/plugins/gangscheduling.
"""

from __future__ import annotations

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import GroupKey, group_of, key_of, min_count
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.scheduler.queueing.events import Event


class GroupHints:
    """Which changes of pods and groups concern the group of a rejected pod.

    Parameters
    ----------
    groups
        The groups as they are after the change that is asked about.
    """

    def __init__(self, groups: PodGroupTable) -> None:
        self._groups = groups

    def pod_added(self, pod: Pod, event: Event) -> bool:
        """Return whether a pod, on a node or not, came to the pod's hierarchy."""
        new = event.new
        return isinstance(new, Pod) and self._together(pod, group_of(new))

    def group_added(self, pod: Pod, event: Event) -> bool:
        """Return whether a group came that the pod belongs to, or one beside it."""
        new = event.new
        if not isinstance(new, PodGroup | CompositePodGroup):
            return False
        return self._together(pod, key_of(new))

    def group_changed(self, pod: Pod, event: Event) -> bool:
        """Return whether a gang in the pod's hierarchy needs fewer pods than before."""
        old, new = event.old, event.new
        if not isinstance(old, PodGroup) or not isinstance(new, PodGroup):
            return False
        if not self._together(pod, key_of(new)):
            return False
        policies = old.spec.scheduling_policy, new.spec.scheduling_policy
        both = all(policy.gang is not None for policy in policies)
        return both and min_count(new) < min_count(old)

    def _together(self, pod: Pod, other: GroupKey | None) -> bool:
        own = group_of(pod)
        if own is None or other is None:
            return False
        root = self._groups.root(own)
        return root is not None and root == self._groups.root(other)
