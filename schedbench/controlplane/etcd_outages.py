"""When etcd had no quorum."""

from __future__ import annotations

import dataclasses
import math

from schedbench.clock import Clock
from schedbench.controlplane.etcd_raft import Raft
from schedbench.controlplane.etcd_store import Store


@dataclasses.dataclass(slots=True)
class Outage:
    """A time without a quorum.

    Attributes
    ----------
    begin, end
        In simulated seconds; the end is ∞ as long as it lasts.
    revision, last_revision
        The store's at its begin and at its end.
    """

    begin: float
    revision: int
    end: float = math.inf
    last_revision: int = 0


class Outages(list[Outage]):
    """All outages so far, in order."""

    def __init__(self, clock: Clock, raft: Raft, store: Store) -> None:
        super().__init__()
        self._clock, self._raft, self._store = clock, raft, store

    def note(self) -> None:
        """Note that a quorum has gone or is there again, if it is so."""
        raft, now, revision = self._raft, self._clock.now, self._store.revision
        out = bool(self) and self[-1].end == math.inf
        if out and raft.connected >= raft.quorum:
            self[-1].end, self[-1].last_revision = now, revision
        elif not out and raft.connected < raft.quorum:
            self.append(Outage(now, revision))
