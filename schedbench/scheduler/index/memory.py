"""The index of a run: which classes get a place in it, and when they begin anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.objects.workload import PodStream
from schedbench.scheduler.index.alike import alike_classes
from schedbench.scheduler.index.arrays import domain_count, make_index
from schedbench.scheduler.index.forming import form_teams, plain_classes
from schedbench.scheduler.index.layout import (
    FREE,
    NO_TEAM,
    NOT_INDEXED,
    STALE,
    Index,
    Plan,
    Teams,
)
from schedbench.scheduler.index.planning import make_plan
from schedbench.scheduler.session import Session

BEHIND = 16
"""A class further behind than a 16th of the nodes begins anew: to look at a single node
costs about as much as at ten in a scan (45 ns and 4.6 ns of 5,000 nodes, measured)."""
WORTH = 8
"""To begin anew costs about as much as so many scans (measured)."""


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
        self._alike = alike_classes(session.compiled)
        count = np.bincount(
            self._alike[session.encoded.class_of],
            minlength=len(session.encoded.class_pods),
        )
        most = most_changes(len(session.nodes))
        wanted = np.full(len(count), engine in {"auto", "indexed"})
        teams = form_teams(session, self._alike, wanted, pods, most)
        if engine == "auto":
            leave = np.isfinite(pods.duration) | np.isfinite(pods.deletion)
            changes = len(pods) + np.count_nonzero(leave)
            wanted &= (count >= WORTH) & (count * most >= changes)
        self._wanted = wanted & (self._alike == np.arange(len(count)))
        plan = self._plan(teams)
        self.index: Index = make_index(session, plan, teams, count, most)
        self._shape = _shape(session)
        self._is_sure = True

    def note(self, slot: int) -> None:
        """Note that pods came to a node, or went, outside of the compiled loop."""
        index = self.index
        index.log[index.changes[0] % len(index.log)] = slot
        index.changes[0] += 1

    def note_node(self, slot: int) -> None:
        """Note that a node joined, left or changed; `look` before the next decision."""
        self.note(slot)
        self._is_sure = False

    def look(self) -> None:
        """Begin anew if a change of nodes concerns others, too.

        So it does if the labels that terms look at or the scheduler's list are others,
        or if the first preference or taint that is scored came, or the last went.
        """
        if self._is_sure:
            return
        self._is_sure = True
        if not all(map(np.array_equal, self._shape, _shape(self._session))):
            self.forget()

    def forget(self) -> None:
        """Let every class begin anew."""
        rows, teams = self.index.rows, self.index.teams
        rows.seen[:] = STALE
        teams.seen[:] = STALE
        strange = teams.place[~plain_classes(self._session.compiled), 0]
        teams.place[np.isin(teams.place[:, 0], strange)] = NO_TEAM
        plan = self._plan(teams)
        lost = (plan.able == 0) | (plan.coupled != self.index.plan.coupled)
        held = self.index.row[lost]
        rows.holder[held[held != NOT_INDEXED]] = FREE
        self.index.row[lost] = NOT_INDEXED
        ballot = self.index.ballot
        domains = domain_count(self._session)
        if domains > len(ballot.stamp):
            ballot = ballot._replace(stamp=np.zeros(domains, dtype=np.int64))
        self.index = self.index._replace(plan=plan, ballot=ballot)
        self._shape = _shape(self._session)

    def _plan(self, teams: Teams) -> Plan:
        """Return the plan for the classes that are in no team."""
        wanted = self._wanted & (teams.place[:, 0] == NO_TEAM)
        return make_plan(self._session, self._alike, wanted)


def most_changes(nodes: int) -> int:
    """Return how many changes a class may be behind; beyond that it begins anew."""
    return max(nodes // BEHIND, 1)


def _shape(session: Session) -> list[NDArray[Any]]:
    """Return copies of what concerns all nodes: domains, scores, the list."""
    static, sampling = session.compiled.static, session.compiled.sampling
    return [
        session.state.domains.domain.copy(),
        static.skip.copy(),
        static.scored.copy(),
        static.image.copy(),
        sampling.order[: sampling.listed[0]].copy(),
    ]
