"""Which classes of pods get a place in the index, and the index's arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses, StaticTable
from schedbench.objects.workload import PodStream
from schedbench.plugins.base import ScoreKind
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.index import (
    BLOCK,
    NOT_INDEXED,
    STALE,
    Index,
    note_change,
)
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import ALL_NODES
from schedbench.scheduler.score import make_scratch
from schedbench.scheduler.session import Session

OF_THE_NODE = frozenset(
    {
        ScoreKind.LEAST_ALLOCATED,
        ScoreKind.MOST_ALLOCATED,
        ScoreKind.REQUESTED_TO_CAPACITY_RATIO,
        ScoreKind.BALANCED_ALLOCATION,
        ScoreKind.REMAINING_CAPACITY,
        ScoreKind.ALIGNMENT,
        ScoreKind.GPU_DOT_PRODUCT,
        ScoreKind.GPU_PACKING,
        ScoreKind.IMAGE_LOCALITY,
    }
)
"""Scores that look at no other node, nor at the other nodes' scores."""
NORMALIZED = frozenset({ScoreKind.TAINT_TOLERATION, ScoreKind.NODE_AFFINITY})
"""Scores that are the same on all nodes where all raw ones are 0."""
OF_TERMS = frozenset({ScoreKind.INTER_POD_AFFINITY, ScoreKind.POD_TOPOLOGY_SPREAD})
"""Scores that leave out classes without terms."""
MOST_BYTES = 256 * 2**20
BEHIND = 16
"""A class further behind than a 16th of the nodes scans: to look at a single node costs
about as much as at ten in a scan (45 ns and 4.6 ns of 5,000 nodes, measured)."""


class Memory:
    """The index of a session, and when it has to be forgotten.

    Parameters
    ----------
    pods
        The pods that may come.
    engine
        `indexed`: all classes that can be; `auto`: of these the ones whose pods come
        so often that looking at what changed between costs less than a scan.

    Attributes
    ----------
    index
        What the compiled loop reads and writes.
    """

    def __init__(self, session: Session, pods: PodStream, engine: str) -> None:
        self._session = session
        class_of = session.encoded.class_of
        count = np.bincount(class_of, minlength=len(session.encoded.class_pods))
        able = indexable(session.compiled) & (engine in {"auto", "indexed"})
        if engine == "auto":
            leave = np.isfinite(pods.duration) | np.isfinite(pods.deletion)
            changes = len(pods) + np.count_nonzero(leave)
            able &= count * most_changes(len(session.nodes)) >= changes
        self.index = make_index(session, count, able)
        self._rows = self.index.row.copy()

    def note(self, slot: int) -> None:
        """Note that pods came to a node, or went, outside of the compiled loop."""
        note_change(self.index, np.int64(slot))

    def forget(self) -> None:
        """Let every class begin anew: nodes, or what is on them, changed unseen."""
        self.index.seen[:] = STALE
        able = indexable(self._session.compiled)
        self.index.row[:] = np.where(able, self._rows, NOT_INDEXED)


def most_changes(nodes: int) -> int:
    """Return how many changes a class may be behind; beyond that it scans."""
    return max(nodes // BEHIND, 1)


def make_index(
    session: Session, pods: NDArray[np.int64], able: NDArray[np.bool_]
) -> Index:
    """Return an index with room for the classes of most pods among the able ones."""
    nodes = len(session.nodes)
    blocks = -(-nodes // BLOCK)
    groups = -(-blocks // BLOCK)
    room = MOST_BYTES // (8 * (nodes + 2 * blocks + 2 * groups) or 1)
    chosen = np.flatnonzero(able)
    chosen = chosen[np.argsort(-pods[chosen], kind="stable")][:room]
    rows = len(chosen)
    row = np.full(len(pods), NOT_INDEXED, dtype=np.int32)
    row[chosen] = np.arange(rows)
    most = most_changes(nodes)
    kinds = len(session.compiled.columns.kind)
    return Index(
        row=row,
        total=np.zeros((rows, nodes), dtype=np.int64),
        top=np.zeros((rows, blocks), dtype=np.int64),
        tied=np.zeros((rows, blocks), dtype=np.int64),
        group_top=np.zeros((rows, groups), dtype=np.int64),
        group_tied=np.zeros((rows, groups), dtype=np.int64),
        seen=np.full(rows, STALE, dtype=np.int64),
        scores=np.zeros((rows, kinds), dtype=np.int32),
        score_count=np.zeros(rows, dtype=np.int64),
        constant=np.zeros(rows, dtype=np.int64),
        log=np.zeros(most, dtype=np.int32),
        changes=np.zeros(1, dtype=np.int64),
        mark=np.zeros(nodes, dtype=np.int64),
        turn=np.zeros(1, dtype=np.int64),
        nodes=np.zeros(most, dtype=np.int64),
        columns=narrow(session.state, most),
        scratch=make_scratch(most),
    )


def narrow(state: ClusterState, nodes: int) -> ClusterState:
    """Return columns like a cluster's, for some nodes and without domains."""
    columns = {
        name: np.zeros((*column.shape[:-1], nodes), dtype=column.dtype)
        for name, column in state._asdict().items()
        if name != "domains"
    }
    return ClusterState(**columns, domains=state.domains)


def indexable(compiled: Compiled) -> NDArray[np.bool_]:
    """Return for each class whether all its verdicts and scores are of single nodes."""
    classes, static, columns = compiled.classes, compiled.static, compiled.columns
    able = np.ones(len(classes.static_row), dtype=np.bool_)
    sampling = compiled.sampling
    if compiled.choice.tie == Tie.NEXT or sampling.percentage != ALL_NODES:
        return ~able
    if len(sampling.narrows):
        able &= sampling.narrows == 0
    terms = classes.inter_pod
    for each in (
        classes.spread.hard,
        classes.spread.soft,
        terms.affinity,
        terms.own_anti,
        terms.existing_anti,
        terms.scored,
    ):
        able &= np.diff(each.start) == 0
    for kind in map(ScoreKind, columns.kind.tolist()):
        if kind in NORMALIZED:
            able &= _is_constant(classes, static, kind)
        elif kind not in OF_THE_NODE | OF_TERMS:
            able[:] = False
    return able


def _is_constant(
    classes: PodClasses, static: StaticTable, kind: ScoreKind
) -> NDArray[np.bool_]:
    rows = classes.static_row
    constant: NDArray[np.bool_] = (static.skip[kind] != 0) | (static.scored[kind] == 0)
    return constant[rows]
