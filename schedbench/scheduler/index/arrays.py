"""The arrays of an index, in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.domains import no_domains
from schedbench.cluster.layout import ClusterState
from schedbench.scheduler.index.layout import (
    BLOCK,
    COUNTS,
    NOT_INDEXED,
    STALE,
    Ballot,
    Cells,
    Index,
    Plan,
    Rows,
    Teams,
    Work,
)
from schedbench.scheduler.index.planning import MOST_CONSTRAINTS
from schedbench.scheduler.session import Session

MOST_BYTES = 256 * 2**20
CELL_BYTES = 4 * 2**20
"""Of the cells of one class."""
MOST_CELLS, LEAST_CELLS = 256, 16
FEATURES = COUNTS + MOST_CONSTRAINTS


def make_index(
    session: Session,
    plan: Plan,
    teams: Teams,
    pods: NDArray[np.int64],
    most_changes: int,
) -> Index:
    """Return an index for the able classes; those of most pods get rows at once.

    Parameters
    ----------
    pods : int64[C]
        How many pods of each class there are.
    most_changes
        How far a class may be behind.
    """
    nodes = len(plan.slot)
    blocks = -(-nodes // BLOCK)
    chunks = -(-blocks // BLOCK)
    cell_bytes = 8 * (1 + FEATURES + 3 * blocks + 2 * chunks)
    room = int(np.clip(CELL_BYTES // cell_bytes, LEAST_CELLS, MOST_CELLS))
    able = np.flatnonzero(plan.able)
    able = able[np.argsort(-pods[able], kind="stable")]
    coupled = plan.coupled[able] != 0
    size = 12 * nodes + np.where(coupled, room, 1) * cell_bytes
    fits = np.cumsum(size) <= MOST_BYTES
    chosen = np.concatenate([able[fits & coupled], able[fits & ~coupled]])
    many, rows = int((fits & coupled).sum()), int(fits.sum())
    row = np.full(len(pods), NOT_INDEXED, dtype=np.int32)
    row[chosen] = np.arange(rows)
    rooms = np.where(np.arange(rows) < many, room, 1)
    last = np.cumsum(rooms)
    count = int(last[-1]) if rows else 0
    kinds = len(session.compiled.columns.kind)
    hashes = 1 << (2 * room - 1).bit_length()
    return Index(
        row=row,
        asked=np.full(len(pods), -1, dtype=np.int64),
        log=np.zeros(most_changes, dtype=np.int32),
        changes=np.zeros(1, dtype=np.int64),
        plan=plan,
        rows=Rows(
            holder=chosen.astype(np.int32),
            used=np.full(rows, -1, dtype=np.int64),
            seen=np.full(rows, STALE, dtype=np.int64),
            total=np.zeros((rows, nodes), dtype=np.int64),
            cell=np.zeros((rows, nodes), dtype=np.int32),
            scores=np.zeros((rows, kinds), dtype=np.int32),
            score_count=np.zeros(rows, dtype=np.int64),
            constant=np.zeros(rows, dtype=np.int64),
            weight=np.zeros((rows, 4), dtype=np.int64),
            simple=np.zeros(rows, dtype=np.uint8),
            first=(last - rooms).astype(np.int64),
            room=rooms.astype(np.int64),
            cells=np.zeros(rows, dtype=np.int64),
            table=np.zeros((many, hashes), dtype=np.int32),
        ),
        cells=Cells(
            size=np.zeros(count, dtype=np.int64),
            feature=np.zeros((count, FEATURES), dtype=np.int64),
            member=np.zeros((count, blocks), dtype=np.int64),
            tied=np.zeros((count, blocks), dtype=np.int64),
            top=np.zeros((count, blocks), dtype=np.int64),
            chunk_top=np.zeros((count, chunks), dtype=np.int64),
            chunk_tied=np.zeros((count, chunks), dtype=np.int64),
        ),
        work=_make_work(session, nodes, most_changes),
        ballot=_make_ballot(session, blocks, room),
        teams=teams,
    )


def _make_work(session: Session, nodes: int, most_changes: int) -> Work:
    side_by_side = max(most_changes, BLOCK)
    bad, total, score, helper = np.zeros((4, side_by_side), dtype=np.int64)
    return Work(
        nodes=np.zeros(side_by_side, dtype=np.int64),
        reason=np.zeros(side_by_side, dtype=np.int16),
        gathered=_narrow(session.state, side_by_side),
        bad=bad,
        total=total,
        score=score,
        helper=helper,
        points=np.zeros(side_by_side, dtype=np.int32),
        mark=np.zeros(nodes, dtype=np.int64),
        turn=np.zeros(1, dtype=np.int64),
        feature=np.zeros(FEATURES, dtype=np.int64),
    )


def _make_ballot(session: Session, blocks: int, room: int) -> Ballot:
    constraints = np.diff(session.compiled.classes.spread.soft.start)
    cells = [np.zeros(room, dtype=np.int64) for _ in range(5)]
    return Ballot(
        live=cells[0],
        inside=cells[1],
        best=cells[2],
        add=cells[3],
        raw=cells[4],
        stamp=np.zeros(domain_count(session), dtype=np.int64),
        turn=np.zeros(1, dtype=np.int64),
        spread_weight=np.zeros(int(constraints.max(initial=0)), dtype=np.float64),
        word=np.zeros(blocks + 2, dtype=np.int64),
    )


def domain_count(session: Session) -> int:
    """Return how many domains the key of most domains may have."""
    return int(session.state.domains.domain.max(initial=0)) + 1


def _narrow(state: ClusterState, nodes: int) -> ClusterState:
    """Return columns like a cluster's, for some nodes."""
    columns = {
        name: np.zeros((*column.shape[:-1], nodes), dtype=column.dtype)
        for name, column in state._asdict().items()
        if name != "domains"
    }
    return ClusterState(**columns, domains=no_domains(nodes))
