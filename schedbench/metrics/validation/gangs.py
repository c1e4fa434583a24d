"""Pod groups: of a gang, all of the least number of members are placed, or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from schedbench.metrics.validation.wish import Problem, Wish
from schedbench.objects.policy import PodGroup


class Gangs:
    """The gangs and their members that had a node so far."""

    def __init__(self, objects: Iterable[object]) -> None:
        self._least = {
            (item.metadata.namespace or "default", item.metadata.name): gang.min_count
            for item in objects
            if isinstance(item, PodGroup)
            and (gang := item.spec.scheduling_policy.gang) is not None
        }
        self._members: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        self._changed: dict[tuple[str, str], int] = {}

    def bind(self, wish: Wish, pod: int) -> None:
        """Note that a pod has a node."""
        group = wish.pod.spec.scheduling_group
        if group is not None and group.pod_group_name:
            key = (wish.space, group.pod_group_name)
            if key in self._least:
                self._members[key].add(pod)
                self._changed[key] = pod

    def problems(self) -> Iterator[tuple[int, Problem]]:
        """Yield a pod of each gang that an instant left with too few members."""
        for key, pod in self._changed.items():
            count, least = len(self._members[key]), self._least[key]
            if count < least:
                yield pod, ("gang", f"{count} of at least {least} pods are placed")
        self._changed.clear()
