"""Who belongs to which pod group, and how far each group has got.

Source: kubernetes (after v1.34) pkg/scheduler/framework/plugins/gangscheduling
(hierarchy_tracker.go) and pkg/scheduler/backend/cache (pod group states).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from schedbench.objects.pod import Pod
from schedbench.objects.pod_groups import (
    AnyPodGroup,
    GroupKey,
    group_of,
    key_of,
    min_count,
    parent_of,
)

_NOWHERE: Mapping[str, str] = MappingProxyType({})


class PodGroupTable:
    """The groups, their members and their child groups.

    A member is any pod that names the group, on a node or not, whether the group
    exists yet or not. A group is ready when it has as many members, a composite group
    when it has as many ready child groups, as must be placed together; every change
    costs as many steps as there are groups above.

    Parameters
    ----------
    composites
        Whether parents count (upstream's CompositePodGroup feature gate).
    """

    def __init__(self, *, composites: bool = True) -> None:
        self._composites = composites
        self._groups: dict[GroupKey, AnyPodGroup] = {}
        self._members: dict[GroupKey, dict[str, Pod]] = {}
        self._placed: dict[GroupKey, dict[str, str]] = {}
        self._children: dict[GroupKey, dict[GroupKey, None]] = {}
        self._ready: dict[GroupKey, int] = {}

    def get(self, key: GroupKey) -> AnyPodGroup | None:
        """Return the group, or None if it does not exist."""
        return self._groups.get(key)

    def put(self, group: AnyPodGroup) -> None:
        """Let a group come, or change."""
        key = key_of(group)
        if key in self._groups:
            self._leave_parent(key)
        self._groups[key] = group
        parent = self.parent(key)
        if parent is not None:
            self._children.setdefault(parent, {})[key] = None
            if self.ready(key):
                self._tell(parent, 1)

    def drop(self, group: AnyPodGroup) -> None:
        """Let a group go; its members and children stay known."""
        key = key_of(group)
        if key in self._groups:
            self._leave_parent(key)
            del self._groups[key]

    def add(self, pod: Pod) -> GroupKey | None:
        """Let a pod come, or a newer version of it; return the group that it names.

        One that has a node counts as placed.
        """
        key = group_of(pod)
        if key is None:
            return None
        was = self.ready(key)
        self._members.setdefault(key, {})[pod.key] = pod
        if pod.spec.node_name:
            self.assume(pod, pod.spec.node_name)
        if not was and self.ready(key):
            self._tell(self.parent(key), 1)
        return key

    def remove(self, pod: Pod) -> None:
        """Let a pod go, because it was deleted or has ended."""
        key = group_of(pod)
        if key is None or pod.key not in self._members.get(key, ()):
            return
        was = self.ready(key)
        self.forget(pod)
        members = self._members[key]
        del members[pod.key]
        if not members:
            del self._members[key]
        if was and not self.ready(key):
            self._tell(self.parent(key), -1)

    def assume(self, pod: Pod, node: str) -> None:
        """Count a member as placed on a node, whether it is bound yet or not."""
        key = group_of(pod)
        if key is not None:
            self._placed.setdefault(key, {})[pod.key] = node

    def forget(self, pod: Pod) -> None:
        """Count a member as not placed again."""
        key = group_of(pod)
        placed = None if key is None else self._placed.get(key)
        if key is not None and placed is not None:
            placed.pop(pod.key, None)
            if not placed:
                del self._placed[key]

    def members(self, key: GroupKey) -> Collection[Pod]:
        """Return the pods that name the group."""
        return self._members.get(key, {}).values()

    def placed(self, key: GroupKey) -> Mapping[str, str]:
        """Return the members that are placed: `namespace/name` → name of the node."""
        return self._placed.get(key, _NOWHERE)

    def children(self, key: GroupKey) -> Sequence[GroupKey]:
        """Return the child groups that exist, in the order in which they came.

        Upstream's order is that of a set.
        """
        return tuple(self._children.get(key, ()))

    def parent(self, key: GroupKey) -> GroupKey | None:
        """Return the parent that a group names, whether that exists or not."""
        group = self._groups.get(key)
        if group is None or not self._composites:
            return None
        return parent_of(group)

    def ancestry(self, key: GroupKey) -> Sequence[GroupKey]:
        """Return the groups that exist from this one upwards, without going in circles.

        It is broken off at the first that is missing.
        """
        found: dict[GroupKey, None] = {}
        at: GroupKey | None = key
        while at is not None and at in self._groups and at not in found:
            found[at] = None
            at = self.parent(at)
        return tuple(found)

    def root(self, key: GroupKey) -> GroupKey | None:
        """Return the topmost group, or None if one of those between is missing."""
        line = self.ancestry(key)
        return line[-1] if line and self.parent(line[-1]) is None else None

    def ready(self, key: GroupKey) -> bool:
        """Return whether enough members, or ready child groups, are there.

        A group that does not exist needs one.
        """
        count = self._ready.get(key, 0) if key.composite else self.count(key)
        group = self._groups.get(key)
        return count >= (1 if group is None else min_count(group))

    def count(self, key: GroupKey) -> int:
        """Return how many pods name the group."""
        return len(self._members.get(key, ()))

    def priority(self, pod: Pod) -> int:
        """Return the priority that counts for a pod: that of its topmost group.

        Without a group, or where the group has none, it is the pod's own. That is a
        decision: upstream gives such a group the default priority and then refuses to
        schedule pods of another.
        """
        key = group_of(pod)
        line = () if key is None else self.ancestry(key)
        given = self._groups[line[-1]].spec.priority if line else None
        return (pod.spec.priority or 0) if given is None else given

    def _leave_parent(self, key: GroupKey) -> None:
        parent = self.parent(key)
        if parent is None:
            return
        if self.ready(key):
            self._tell(parent, -1)
        siblings = self._children[parent]
        del siblings[key]
        if not siblings:
            del self._children[parent]

    def _tell(self, key: GroupKey | None, change: int) -> None:
        """Count a child group that became ready, or ceased to be, and so on upwards."""
        while key is not None:
            was = self.ready(key)
            self._ready[key] = self._ready.get(key, 0) + change
            if not self._ready[key]:
                del self._ready[key]
            if self.ready(key) == was:
                return
            key = self.parent(key)
