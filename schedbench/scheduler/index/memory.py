"""The index of a run: which classes get a place in it, and when they begin anew."""

from __future__ import annotations

import numpy as np

from schedbench.objects.workload import PodStream
from schedbench.scheduler.index.arrays import domain_count, make_index
from schedbench.scheduler.index.layout import FREE, NOT_INDEXED, STALE, Index
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
        count = np.bincount(
            session.encoded.class_of, minlength=len(session.encoded.class_pods)
        )
        most = most_changes(len(session.nodes))
        self._wanted = np.full(len(count), engine in {"auto", "indexed"})
        if engine == "auto":
            leave = np.isfinite(pods.duration) | np.isfinite(pods.deletion)
            changes = len(pods) + np.count_nonzero(leave)
            self._wanted &= (count >= WORTH) & (count * most >= changes)
        plan = make_plan(session, self._wanted)
        self.index: Index = make_index(session, plan, count, most)

    def forget(self) -> None:
        """Let every class begin anew: nodes, or what is on them, changed unseen."""
        rows = self.index.rows
        rows.seen[:] = STALE
        plan = make_plan(self._session, self._wanted)
        lost = (plan.able == 0) | (plan.coupled != self.index.plan.coupled)
        held = self.index.row[lost]
        rows.holder[held[held != NOT_INDEXED]] = FREE
        self.index.row[lost] = NOT_INDEXED
        ballot = self.index.ballot
        domains = domain_count(self._session)
        if domains > len(ballot.stamp):
            ballot = ballot._replace(stamp=np.zeros(domains, dtype=np.int64))
        self.index = self.index._replace(plan=plan, ballot=ballot)


def most_changes(nodes: int) -> int:
    """Return how many changes a class may be behind; beyond that it begins anew."""
    return max(nodes // BEHIND, 1)
