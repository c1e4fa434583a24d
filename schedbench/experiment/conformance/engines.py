"""How cases are decided: by the engines of an attempt, and by what classes remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState
from schedbench.objects.node import Node
from schedbench.scheduler.engines import Engine, Turn, Verdict, explained, scanned
from schedbench.scheduler.index.decide import decide, note_change
from schedbench.scheduler.index.memory import Memory
from schedbench.scheduler.score import make_scratch
from schedbench.scheduler.session import Session


class Remembering:
    """Decides by the index, which sees of the cluster what changed between attempts.

    An attempt asks twice, so that the answer is the memory's also where the class was
    forgotten. What the pod's feasible nodes and their totals are, the scan tells.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}

    def __call__(self, session: Session, pod_class: int, turn: Turn) -> Verdict:
        """Decide on a pod of a class."""
        verdict = scanned(session, pod_class, turn)
        known = self._known.get(id(session))
        if known is None:
            known = self._known[id(session)] = _Known(session)
            for other in range(len(session.encoded.class_pods)):
                known.decide(other, turn)
        known.catch_up()
        known.decide(pod_class, turn)
        return verdict._replace(chosen=known.decide(pod_class, turn))


class _Known:
    """A session, its memory, and the cluster as the memory saw it last."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._memory = Memory(session, session.encoded.workload.pods, "indexed")
        self._decide = session.specialized(decide)
        self._scratch = make_scratch(len(session.nodes))
        self._nodes: list[Node] = []
        self._columns: list[NDArray[Any]] = []
        self._counts = session.state.domains.counts
        self._fixed: list[NDArray[Any]] = []
        self._look()

    def decide(self, pod_class: int, turn: Turn) -> int:
        """Return the node for a pod of a class, or −1."""
        session, index = self._session, self._memory.index
        compiled, scratch = session.compiled, self._scratch
        chosen = self._decide(session.state, compiled, index, pod_class, *turn, scratch)
        return int(chosen)

    def catch_up(self) -> None:
        """Tell the memory which nodes' pods changed, or to forget if nodes did."""
        columns, counts = self._columns, self._counts
        fixed, nodes = self._fixed, self._nodes
        self._look()
        same = map(np.array_equal, fixed, self._fixed)
        if not all(same) or any(map(_is_other, nodes, self._nodes)):
            self._memory.forget()
            return
        changed = self._in_changed_domains(counts)
        for before, now in zip(columns, self._columns, strict=True):
            changed |= (before != now).any(axis=0)
        for node in np.flatnonzero(changed):
            note_change(self._memory.index, int(node))

    def _in_changed_domains(self, before: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return the nodes of domains with other counts: pods may be exchanged."""
        domains = self._session.state.domains
        found = np.zeros(len(self._nodes), dtype=np.bool_)
        for counter, key in enumerate(domains.key):
            own = slice(domains.start[counter], domains.start[counter + 1])
            moved = before[own] != self._counts[own]
            domain = domains.domain[key]
            found[domain >= 0] |= moved[domain[domain >= 0]]
        return found

    def _look(self) -> None:
        session = self._session
        state, sampling = session.state, session.compiled.sampling
        self._nodes = list(session.nodes.objects)
        self._columns = [column.copy() for column in _of_pods(state)]
        self._counts = state.domains.counts.copy()
        fixed = state.alive, sampling.order, sampling.listed, session.images.score
        self._fixed = [column.copy() for column in fixed]


def _of_pods(state: ClusterState) -> tuple[NDArray[Any], ...]:
    """Return the columns that pods change as they come and go."""
    return state.requested, state.nonzero, state.port_used, state.gpu_free


def _is_other(one: Node, other: Node) -> bool:
    return one is not other


ENGINES: Mapping[str, Callable[[], Engine]] = {
    "scan": lambda: scanned,
    "explain": lambda: explained,
    "indexed": Remembering,
}
"""Engine → what makes one for a case."""
