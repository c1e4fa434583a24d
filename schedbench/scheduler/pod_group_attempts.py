"""Members of pod groups are tried in a world, and taken back again.

Within a group cycle members are on their nodes for the columns and the volumes alone,
as on upstream's snapshot: the world hears of them when they are bound. That snapshot
is taken once for the whole cycle, so the caller lets the world `look` before it, not
before each member. For a check on a single node what PreFilter finds is found anew
(decided here; upstream keeps what it found when the member was tried, and adds and
removes victims).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Generic

import numpy as np

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.plugins.gpu_share import choose_devices
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.scheduler.attempt import Attempt
from schedbench.scheduler.dry_run import PlacedPod, nominated_to
from schedbench.scheduler.narrowing import only
from schedbench.scheduler.pod_group_placements import most_allocated
from schedbench.scheduler.pod_group_types import M, Placement, Refusal
from schedbench.scheduler.room import dry_run
from schedbench.scheduler.world import World


class WorldAttempts(Generic[M]):
    """Attempts, and rehearsals of preemption, in a world; see `Rehearsal`.

    Parameters
    ----------
    world
        The cluster; it is as before once everything assumed is undone or released.
    member
        Makes the attempt at a member, which makes no room by itself.
    """

    def __init__(self, world: World, member: Callable[[M], Attempt]) -> None:
        self._world = world
        self._member = member
        self._assumed: dict[M, PlacedPod] = {}
        self._nominated: dict[M, PlacedPod] = {}

    def attempt(self, member: M, within: Placement | None) -> int | Refusal:
        """Try a member; if it fits, assume it and return its slot."""
        trial = self._member(member)
        with self._only(within):
            outcome = trial.run()
        if outcome.error:
            return Refusal(outcome.error, error=True)
        if outcome.chosen < 0:
            return Refusal(outcome.message, outcome.rejectors)
        self._put(member, trial, outcome.chosen)
        return outcome.chosen

    def assume(self, member: M, slot: int) -> None:
        """Assume a member where an attempt had put it, and reserve its volumes."""
        trial = self._member(member)
        if uses_volumes(trial.pod):
            self._world.volumes.reserve(trial.pod, slot)
        self._put(member, trial, slot)

    def undo(self, member: M, slot: int) -> None:
        """Take back an assumption, its volumes and the end of its nomination."""
        pod = self._take(member).pod
        self._world.volumes.unreserve(pod)
        nominated = self._nominated.pop(member, None)
        if nominated is not None:
            self._world.nominated[pod.key] = nominated

    def release(self) -> None:
        """Let go of what is assumed, to be bound by the caller; volumes stay reserved.

        Nominations stay ended.
        """
        for member in reversed(list(self._assumed)):
            self._take(member)
        self._nominated.clear()

    def filled(self, within: Placement) -> int:
        """Return how full nodes are, by the resources that NodeResourcesFit scores."""
        session = next(iter(self._world.sessions.values()))
        plugin = session.profile.plugin(NodeResourcesFit)
        weights = dict(() if plugin is None else plugin.resources)
        slots = np.array(within.nodes, dtype=np.int64)
        state, rows = session.state, session.encoded.resources
        sums = [
            {
                name: int(column[row, slots].sum())
                for row, name in enumerate(rows)
                if name in weights
            }
            for column in (state.requested, state.allocatable)
        ]
        return most_allocated(sums[0], sums[1], weights)

    def remove(self, placed: PlacedPod) -> None:
        """Take a pod away from its node."""
        self._world.bind(placed, -1)
        self._world.volumes.remove_pod(placed.pod, placed.slot)

    def restore(self, placed: PlacedPod) -> None:
        """Put a pod back on its node."""
        self._world.bind(placed, 1)
        self._world.volumes.add_pod(placed.pod, placed.slot)

    def fits(self, member: M, slot: int) -> bool:
        """Return whether a member passes all filters on a node as it is now."""
        trial = self._member(member)
        run = dry_run(self._world, trial.settings, trial.pod, trial.pod_class)
        return run.fits(slot, self._guests(trial.pod, slot))

    def _guests(self, pod: Pod, slot: int) -> list[PlacedPod]:
        others = self._world.nominated.values()
        return [
            one for one in nominated_to(slot, others, pod) if one.pod.key != pod.key
        ]

    def _put(self, member: M, trial: Attempt, slot: int) -> None:
        pod, pod_class = trial.pod, trial.pod_class
        nominated = self._world.nominated.pop(pod.key, None)
        if nominated is not None:
            self._nominated[member] = nominated
        placed = PlacedPod(pod, pod_class, slot, devices=_devices(trial, slot))
        self._assumed[member] = placed
        self.restore(placed)

    def _take(self, member: M) -> PlacedPod:
        placed = self._assumed.pop(member)
        self.remove(placed)
        return placed

    @contextlib.contextmanager
    def _only(self, within: Placement | None) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for session in self._world.sessions.values() if within is not None else ():
                assert within is not None
                stack.enter_context(only(session, within.nodes))
            yield


def _devices(trial: Attempt, slot: int) -> int:
    classes = trial.session.compiled.classes
    if not classes.gpu_count[trial.pod_class]:
        return 0
    return int(choose_devices(trial.session.state, classes, trial.pod_class, slot))
