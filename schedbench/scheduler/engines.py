"""How an attempt asks for a node: by the compiled cycle, or by the readable engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schedbench.scheduler.explain import Explanation, explain
from schedbench.scheduler.session import Session

NO_NODE = -1


class Turn(NamedTuple):
    """What makes attempts differ that are otherwise alike: see `schedule_one`."""

    counter: int = 0
    cursor: int = 0


class Verdict(NamedTuple):
    """What an engine found.

    Attributes
    ----------
    feasible : int64[F]
        Slots of the feasible nodes.
    total : int64[F]
        Their totals.
    chosen
        The slot taken, or −1.
    told
        The whole explanation, where the engine gives one.
    """

    feasible: NDArray[np.int64]
    total: NDArray[np.int64]
    chosen: int
    told: Explanation | None = None


_NONE = np.zeros(0, dtype=np.int64)
NOWHERE = Verdict(_NONE, _NONE, NO_NODE)

Engine: TypeAlias = Callable[[Session, int, Turn], Verdict]


def scanned(session: Session, pod_class: int, turn: Turn) -> Verdict:
    """Decide by the compiled cycle."""
    scratch = session.scratch
    arguments = session.state, session.compiled, pod_class, *turn, scratch
    chosen = session.schedule_one(*arguments)
    feasible = np.flatnonzero(scratch.bad >= 0)
    return Verdict(feasible, scratch.total[feasible], int(chosen))


def explained(session: Session, pod_class: int, turn: Turn) -> Verdict:
    """Decide by the readable engine."""
    told = explain(session, pod_class, *turn)
    return Verdict(told.feasible, told.total, told.chosen, told)


ENGINES: Mapping[str, Engine] = {"scan": scanned, "explain": explained}
"""Engine → how it decides; reasons and single scores are always the readable one's."""
