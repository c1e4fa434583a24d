"""Preemption: pods go early only for one of higher priority, at once and there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from schedbench.metrics.validation.wish import Problem, Wish


class Preemptions:
    """Who makes room on which node at the instant that the log is at."""

    def __init__(self, priority: Callable[[Wish], int]) -> None:
        self._priority = priority
        self._now: dict[int, Wish] = {}

    def pass_time(self) -> None:
        """Forget the preemptions of the instant that is over."""
        self._now.clear()

    def preempt(self, wish: Wish, node: int) -> Iterator[Problem]:
        """Note that a pod makes room on a node; yield why it may not."""
        self._now[node] = wish
        if wish.pod.spec.preemption_policy == "Never":
            yield "preemption", "the pod's preemptionPolicy is Never"

    def delete(self, wish: Wish, node: int) -> Iterator[Problem]:
        """Yield why a pod may not be deleted on a node before it is due."""
        preemptor = self._now.get(node)
        if preemptor is None:
            yield "preemption", "deleted before it is due, and no pod makes room there"
            return
        own, other = self._priority(wish), self._priority(preemptor)
        if own >= other:
            yield "preemption", f"priority {own} goes for one of priority {other}"
