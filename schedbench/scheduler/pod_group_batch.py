"""Members of pod groups tried by compiled code: which can be, and their columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PodClasses, StaticTable
from schedbench.cluster.volume_objects import uses_volumes
from schedbench.plugins.base import ScoreKind
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.scheduler.attempt import Attempt
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.engines import scanned
from schedbench.scheduler.narrowing import EVERYWHERE, pre_filter
from schedbench.scheduler.pod_group_kernel import (
    NEVER,
    Batch,
    Places,
    Totals,
    Trials,
    all_pass,
    forget_failures,
    place_members,
    shift_members,
    try_places,
)
from schedbench.scheduler.pod_group_types import Placement
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import ALL_NODES, advance
from schedbench.scheduler.score import make_scratch
from schedbench.scheduler.world import World

ALONE = frozenset(
    {
        ScoreKind.LEAST_ALLOCATED,
        ScoreKind.MOST_ALLOCATED,
        ScoreKind.REQUESTED_TO_CAPACITY_RATIO,
        ScoreKind.BALANCED_ALLOCATION,
        ScoreKind.REMAINING_CAPACITY,
        ScoreKind.ALIGNMENT,
    }
)
"""Scores of a node that look at nothing but its columns."""
OF_TERMS = frozenset({ScoreKind.INTER_POD_AFFINITY, ScoreKind.POD_TOPOLOGY_SPREAD})
MOST_BYTES = 256 * 2**20
BEHIND = 16
"""A class that is more changes behind than a 16th of the nodes, and than 16, is rated
anew."""


def alone(compiled: Compiled) -> NDArray[np.bool_]:
    """Return for each class whether single nodes decide where its pods go.

    Such pods are rejected and scored by what is on a node, and hold neither host ports
    nor GPUs.
    """
    classes, static = compiled.classes, compiled.static
    able = np.asarray(classes.gpu_count == 0)
    sampling = compiled.sampling
    if compiled.choice.tie == Tie.NEXT or sampling.percentage != ALL_NODES:
        return np.zeros_like(able)
    if len(sampling.narrows):
        able &= sampling.narrows == 0
    able &= np.diff(classes.port_start) == 0
    able &= np.diff(classes.conflict_start) == 0
    able &= without_terms(classes)
    for kind in map(ScoreKind, compiled.columns.kind.tolist()):
        if kind <= ScoreKind.NODE_AFFINITY:
            rows = classes.static_row
            same = (static.skip[kind] != 0) | (static.scored[kind] == 0)
            able &= same[rows]
        elif kind == ScoreKind.IMAGE_LOCALITY:
            able &= without_images(static)
        elif kind not in ALONE | OF_TERMS:
            able[:] = False
    return able


def without_terms(classes: PodClasses) -> NDArray[np.bool_]:
    """Return for each class whether it reads no counts of topology domains."""
    pods, spread = classes.inter_pod, classes.spread
    read = (
        spread.hard,
        spread.soft,
        pods.affinity,
        pods.own_anti,
        pods.existing_anti,
        pods.scored,
    )
    found = np.ones(len(classes.gpu_count), dtype=np.bool_)
    for terms in read:
        found &= np.diff(terms.start) == 0
    return found


def filtered_by_terms(classes: PodClasses, pod_class: int) -> bool:
    """Return whether counts of topology domains may reject pods of a class."""
    pods = classes.inter_pod
    read = classes.spread.hard, pods.affinity, pods.own_anti, pods.existing_anti
    return any(one.start[pod_class] < one.start[pod_class + 1] for one in read)


def without_images(static: StaticTable) -> NDArray[np.bool_]:
    """Return for each class whether no node has its images."""
    return np.asarray(static.image_scored[static.image_row] == 0)


class Batches:
    """Places and takes back members, many at a time.

    Parameters
    ----------
    world
        The cluster. It must tell which nodes its pods came to or went from
        (`World.touched`), and when nodes changed (`World.reshaped`).
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._reshaped = NEVER
        self._next_row = 0
        self._places: dict[int, tuple[Placement, NDArray[np.int64]]] = {}

    def usable(self) -> bool:
        """Return whether members may be tried in batches now.

        Nominated pods close nodes to others, which is looked at one by one.
        """
        return len(self._world.sessions) == 1 and not self._world.nominated

    def batch(self, trials: Sequence[Attempt]) -> Batch | None:
        """Return members as columns; None if one has to be tried by itself."""
        self._catch_up()
        classes = {trial.pod_class: trial for trial in trials}
        if not all(self._is_alone(one) for one in classes.values()):
            return None
        if any(uses_volumes(one.pod) for one in classes.values()):
            return None
        if not self._make_rows(classes):
            return None
        return Batch(
            np.array([trial.pod_class for trial in trials], dtype=np.int32),
            np.array([trial.turn.counter for trial in trials], dtype=np.int64),
        )

    def begin(self, batch: Batch) -> None:
        """Prepare for trying members on some place."""
        self._catch_up()
        forget_failures(self._totals, batch)

    def place(
        self,
        batch: Batch,
        within: Placement | None,
        first: int,
        spare: int,
        slots: NDArray[np.int64],
    ) -> int:
        """Place members as `place_members` does, with refusals to be told."""
        done: int = place_members(
            self._session.state,
            self._session.compiled,
            self._totals,
            self._nodes(within),
            batch,
            first,
            spare,
            True,
            slots,
        )
        return done

    def is_known(self, pod_class: int) -> bool:
        """Return whether a class is known to fit nowhere in the place at hand."""
        totals = self._totals
        return bool(totals.failed[totals.row[pod_class]] == totals.changes[0])

    def know(self, pod_class: int) -> None:
        """Note that a class fits nowhere in the place at hand, as it is now."""
        totals = self._totals
        totals.failed[totals.row[pod_class]] = totals.changes[0]

    def survey(self, batch: Batch, places: Sequence[Placement], spare: int) -> Trials:
        """Try members on each of some places, and take them back again."""
        self._catch_up()
        nodes = [self._nodes(place) for place in places]
        start = np.zeros(len(places) + 1, dtype=np.int64)
        np.cumsum([len(each) for each in nodes], out=start[1:])
        count, members = len(places), len(batch.counter)
        trials = Trials(
            slots=np.empty((count, members), dtype=np.int64),
            tried=np.empty(count, dtype=np.int64),
            placed=np.empty(count, dtype=np.int64),
            filled=np.empty(count, dtype=np.int64),
        )
        try_places(
            self._session.state,
            self._session.compiled,
            self._totals,
            Places(np.concatenate(nodes), start),
            batch,
            spare,
            self._weights,
            trials,
        )
        return trials

    def all_pass(self, trials: Sequence[Attempt], slots: Sequence[int]) -> bool | None:
        """Return whether members pass, each with those before it on their nodes.

        None if one holds GPUs or volumes, or waits for nominated pods: then they have
        to be looked at one by one.
        """
        if not self.usable():
            return None
        session = next(iter(self._world.sessions.values()))
        classes = {trial.pod_class: trial.pod for trial in trials}
        if any(uses_volumes(pod) for pod in classes.values()):
            return None
        if session.compiled.classes.gpu_count[list(classes)].any():
            return None
        passing: bool = all_pass(
            session.state,
            session.compiled,
            np.array([trial.pod_class for trial in trials], dtype=np.int32),
            np.array(slots, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
        )
        return passing

    def leave_sampling(self) -> None:
        """Leave what attempts that look at all nodes leave of the node list."""
        sampling = self._session.compiled.sampling
        sampling.evaluated[0] = sampling.listed[0]
        advance(sampling)

    def shift(self, classes: Sequence[int], slots: Collection[int], sign: int) -> None:
        """Let members of these classes come to nodes (`sign` 1) or go (−1)."""
        shift_members(
            self._session.state,
            self._session.compiled.classes,
            self._totals,
            np.array(classes, dtype=np.int32),
            np.fromiter(slots, dtype=np.int64, count=len(slots)),
            sign,
        )

    def _is_alone(self, trial: Attempt) -> bool:
        pod_class = trial.pod_class
        if not self._alone[pod_class] or trial.engine is not scanned:
            return False
        if pod_class not in self._everywhere:
            found = pre_filter(self._world, trial.settings, trial.pod)
            self._everywhere[pod_class] = found is EVERYWHERE
        return self._everywhere[pod_class]

    def _nodes(self, within: Placement | None) -> NDArray[np.int64]:
        if within is None:
            return self._all
        found = self._places.get(id(within))
        if found is None:
            found = within, np.array(within.nodes, dtype=np.int64)
            self._places[id(within)] = found
        return found[1]

    def _catch_up(self) -> None:
        """Note what changed in the cluster since the last call."""
        world = self._world
        if self._reshaped != world.reshaped:
            self._reshaped = world.reshaped
            self._renew()
        elif world.touched:
            changes, log = self._totals.changes, self._totals.log
            for slot in world.touched:
                log[changes[0] % len(log)] = slot
                changes[0] += 1
        world.touched.clear()

    def _renew(self) -> None:
        """Begin anew, with nodes as they are now."""
        session = self._session = next(iter(self._world.sessions.values()))
        compiled, nodes = session.compiled, len(session.nodes)
        self._alone = alone(compiled)
        self._everywhere: dict[int, bool] = {}
        self._places = {}
        self._all = np.zeros(0, dtype=np.int64)
        rows = min(int(self._alone.sum()), max(MOST_BYTES // (8 * max(nodes, 1)), 1))
        self._next_row = 0
        self._owner = np.full(rows, NEVER, dtype=np.int64)
        self._totals = Totals(
            row=np.full(len(self._alone), NEVER, dtype=np.int32),
            total=np.empty((rows, nodes), dtype=np.int64),
            seen=np.full(rows, NEVER, dtype=np.int64),
            failed=np.full(rows, NEVER, dtype=np.int64),
            log=np.zeros(max(nodes // BEHIND, BEHIND), dtype=np.int32),
            changes=np.zeros(1, dtype=np.int64),
            scratch=make_scratch(nodes),
        )
        fit = session.profile.plugin(NodeResourcesFit)
        weights = dict(() if fit is None else fit.resources)
        names = session.encoded.resources
        self._weights = np.array([weights.get(n, 0) for n in names], dtype=np.int64)

    def _make_rows(self, classes: Collection[int]) -> bool:
        """Give each class a row; return False if there are too few."""
        totals, owner = self._totals, self._owner
        if len(classes) > len(owner):
            return False
        for pod_class in classes:
            while totals.row[pod_class] == NEVER:
                row = self._next_row
                self._next_row = (row + 1) % len(owner)
                if int(owner[row]) in classes:
                    continue
                if owner[row] != NEVER:
                    totals.row[owner[row]] = NEVER
                owner[row] = pod_class
                totals.row[pod_class] = row
                totals.seen[row] = totals.failed[row] = NEVER
        return True
