"""The scheduling cycle of the scheduler component: one attempt at a time, and its cost.

The decision is that of the scheduler package; how long it takes is computed from the
nodes that it looked at.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Protocol

from schedbench.controlplane.parameters import Scheduler as Costs
from schedbench.objects.pod import Pod
from schedbench.scheduler.attempt import Attempt, Outcome
from schedbench.scheduler.engines import Engine, Turn
from schedbench.scheduler.growing import GrowingWorld
from schedbench.scheduler.pod_classes import named_node
from schedbench.scheduler.preemption import Search
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.session import Session
from schedbench.scheduler.world import World


@dataclasses.dataclass(frozen=True, slots=True)
class Decider:
    """How a policy decides.

    Attributes
    ----------
    settings
        schedulerName → profile.
    engine
        Makes the engine of a world's first session.
    search
        Makes the search for preemption's candidates in a world, by the pod's number.
    choose
        Which of so many tied candidates a pod takes, by the pod's number.
    """

    settings: Mapping[str, Settings]
    engine: Callable[[Session], Engine]
    search: Callable[[World], Callable[[int], Search]]
    choose: Callable[[int, int], int]


class Journal(Protocol):
    """Whoever wants to know what is decided, and how long this machine took."""

    def took(self, nanoseconds: int) -> None:
        """Note an attempt's wall time."""

    def assumed(self, pod: Pod, node: str, devices: int) -> None:
        """Note a pod that has been given a node and GPU devices."""

    def refused(self, pod: Pod, outcome: Outcome, attempts: int) -> None:
        """Note an attempt that found no node."""

    def preempting(self, pod: Pod, node: str) -> None:
        """Note that a pod makes room on a node; deletions follow."""


class Cycle:
    """Attempts at pods in a growing world.

    Parameters
    ----------
    cluster
        The cluster as the scheduler knows it.
    decider
        How to decide.
    costs
        What an attempt costs.
    number
        Number of a pod's random draws.
    """

    def __init__(
        self,
        cluster: GrowingWorld,
        decider: Decider,
        costs: Costs,
        number: Callable[[Pod], int],
        journal: Journal | None,
    ) -> None:
        self.cluster = cluster
        self.cursor = 0
        self._decider = decider
        self._costs = costs
        self._number = number
        self._journal = journal
        self._failed: dict[Hashable, tuple[int, Outcome]] = {}

    def run(self, pod: Pod) -> tuple[Outcome, float]:
        """Try a pod; return what came of it and the seconds that it takes."""
        started = time.perf_counter_ns()
        outcome, filtered, scored = self._run(pod)
        if self._journal is not None:
            self._journal.took(time.perf_counter_ns() - started)
        costs = self._costs
        seconds = costs.fixed + filtered * costs.per_filtered
        return outcome, seconds + scored * costs.per_scored

    def choose(self, pod: Pod, tied: int) -> int:
        """Return which of so many tied candidates of preemption a pod takes."""
        return self._decider.choose(self._number(pod), tied)

    def _run(self, pod: Pod) -> tuple[Outcome, int, int]:
        """Try a pod; what failed for its class fails until something changes."""
        cluster = self.cluster
        if cluster.refresh():
            self._engine = self._decider.engine(_first(cluster.world))
            self._search = self._decider.search(cluster.world)
            self._failed.clear()
        world = cluster.world
        nodes = len(cluster.nodes)
        pod_class = cluster.class_of(pod)
        kind = kind_of(pod, pod_class)
        simple = kind is not None and pod.key not in cluster.nominated
        version, failed = self._failed.get(kind, (-1, None))
        if simple and failed is not None and version == cluster.version:
            return failed, nodes, 0
        sampling = world.session(pod).compiled.sampling
        start = int(sampling.start[0])
        number = self._number(pod)
        turn = Turn(number, self.cursor)
        attempt = Attempt(
            world, pod, pod_class, self._engine, turn, self._search(number)
        )
        outcome = attempt.run()
        tied = outcome.after.preemption.tied
        if tied:
            outcome.after.preemption.settle(self._decider.choose(number, len(tied)))
        filtered = int(sampling.evaluated[0])
        if outcome.shortcut:
            filtered = 1
        elif (name := named_node(pod.spec)) is not None and not outcome.error:
            filtered = int(name in cluster.nodes)
            sampling.start[0] = (start + filtered) % max(int(sampling.listed[0]), 1)
        if simple and outcome.chosen < 0 and not outcome.after.preemption.tied:
            self._failed[kind] = cluster.version, outcome
        scored = 0 if outcome.verdict is None else len(outcome.verdict.feasible)
        return outcome, filtered, scored


def kind_of(pod: Pod, pod_class: int) -> Hashable | None:
    """Return what is equal for pods that fare alike; None if it fares as no other."""
    spec = pod.spec
    if spec.volumes or spec.scheduling_gates or named_node(spec) is not None:
        return None
    return pod_class, spec.priority, spec.preemption_policy, spec.scheduler_name


def _first(world: World) -> Session:
    return next(iter(world.sessions.values()))
