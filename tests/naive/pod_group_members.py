"""Which pods wait for their group, counted anew from the lists of all objects."""

from __future__ import annotations

from schedbench.objects.pod import Pod
from schedbench.objects.policy import CompositePodGroup, PodGroup


class Everything:
    """All pods and groups by name, in one namespace."""

    def __init__(self) -> None:
        self.pods: dict[str, Pod] = {}
        self.groups: dict[str, PodGroup] = {}
        self.composites: dict[str, CompositePodGroup] = {}

    def size(self, name: str) -> int:
        """Return how many pods name a group."""
        named = [pod.spec.scheduling_group for pod in self.pods.values()]
        return sum(one is not None and one.pod_group_name == name for one in named)

    def enough(self, name: str) -> bool:
        """Return whether a group of pods may become complete."""
        gang = self.groups[name].spec.scheduling_policy.gang
        return self.size(name) >= (gang.min_count if gang else 1)

    def enough_below(self, name: str, seen: tuple[str, ...] = ()) -> bool:
        """Return whether a group of groups may become complete."""
        below = sum(
            group.spec.parent_composite_pod_group_name == name and self.enough(key)
            for key, group in self.groups.items()
        )
        below += sum(
            group.spec.parent_composite_pod_group_name == name
            and self.enough_below(key, (*seen, name))
            for key, group in self.composites.items()
            if key not in seen
        )
        gang = self.composites[name].spec.scheduling_policy.gang
        return below >= (gang.min_group_count if gang else 1)

    def top(self, name: str) -> str | None:
        """Return the topmost group above a group of groups, None if one is missing."""
        while name in self.composites:
            above = self.composites[name].spec.parent_composite_pod_group_name
            if above is None:
                return name
            name = above
        return None

    def held(self, pod: Pod) -> str | None:
        """Return why a pod may not be tried yet."""
        named = pod.spec.scheduling_group
        if named is None or named.pod_group_name is None:
            return None
        name = named.pod_group_name
        if name not in self.groups:
            return (
                f'waiting for pod\'s pod group "{name}" to appear in scheduling queue'
            )
        group = self.groups[name]
        above = group.spec.parent_composite_pod_group_name
        if above is None:
            if group.spec.scheduling_policy.gang is None or self.enough(name):
                return None
            return "waiting for minCount pods from a gang to appear in scheduling queue"
        top = self.top(above)
        if top is not None and self.enough_below(top):
            return None
        return f'waiting for composite pod group "{top or above}" tree to meet quorum'
