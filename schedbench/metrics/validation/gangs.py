"""Pod groups: of a gang, all of the least number of members are placed, or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from schedbench.metrics.validation.wish import Problem, Wish
from schedbench.objects.policy import CompositePodGroup, PodGroup


class Gangs:
    """The groups, and the members of gangs that had a node so far."""

    def __init__(self, objects: Iterable[object]) -> None:
        self._groups: dict[tuple[str, str, bool], PodGroup | CompositePodGroup] = {
            (
                item.metadata.namespace or "default",
                item.metadata.name,
                isinstance(item, CompositePodGroup),
            ): item
            for item in objects
            if isinstance(item, PodGroup | CompositePodGroup)
        }
        self._members: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._changed: dict[tuple[str, str], int] = {}

    def priority(self, wish: Wish) -> int:
        """Return the priority that counts in preemption: that of the topmost group.

        Without a group, or where that one has none, it is the pod's own.
        """
        found = wish.pod.spec.priority or 0
        name, composite = _group_name(wish), False
        for _ in self._groups:
            group = self._groups.get((wish.space, name, composite))
            if group is None:
                break
            own, name = group.spec.priority, _parent_name(group)
            composite = True
            if not name:
                found = found if own is None else own
        return found

    def bind(self, wish: Wish, pod: int) -> None:
        """Note that a pod has a node."""
        name = _group_name(wish)
        if self._least(wish.space, name):
            self._members[wish.space, name].add(pod)
            self._changed[wish.space, name] = pod

    def problems(self) -> Iterator[tuple[int, Problem]]:
        """Yield a pod of each gang that an instant left with too few members."""
        for key, pod in self._changed.items():
            count, least = len(self._members[key]), self._least(*key)
            if count < least:
                yield pod, ("gang", f"{count} of at least {least} pods are placed")
        self._changed.clear()

    def _least(self, space: str, name: str) -> int:
        """Return how many pods a gang wants together, 0 if it is none."""
        group = self._groups.get((space, name, False))
        if not isinstance(group, PodGroup):
            return 0
        gang = group.spec.scheduling_policy.gang
        return 0 if gang is None else gang.min_count


def _group_name(wish: Wish) -> str:
    group = wish.pod.spec.scheduling_group
    return (group.pod_group_name if group is not None else None) or ""


def _parent_name(group: PodGroup | CompositePodGroup) -> str:
    return group.spec.parent_composite_pod_group_name or ""
