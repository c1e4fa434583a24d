"""Pods in line as compiled preemption sees them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import by_reference
from schedbench.scheduler.candidates import Walk


@by_reference
class Rules(NamedTuple):
    """How candidates are looked for: see `Search`.

    Attributes
    ----------
    walk
        The nodes in the scheduler's order.
    percentage, absolute
        So many candidates are enough.
    start, ties
        Streams of the draws: where to begin, and which tied candidate is taken.
    random
        0 = the first of the tied candidates is taken.
    plugin : int64[V]
        For each verdict the bit of the plugin that gives it.
    """

    walk: Walk
    percentage: int
    absolute: int
    start: int
    ties: int
    random: int
    plugin: NDArray[np.int64]


@by_reference
class Line(NamedTuple):
    """Pods that wait in line, and what comes of them.

    Attributes
    ----------
    pod_class
        Their class.
    changed : int32[M], changes : int64[1]
        The log of the index: see there.
    now
        The bits of the float64 that says what time it is.
    pods : int64[L]
        Their numbers.
    is_first : uint8[L]
        1 for those that were not tried before.
    slot : int64[L]
        The nodes to which they are nominated; −1 = none, until they made room there.
    victims : int64[L]
        How many pods go for each.
    rejectors : int64[L]
        Who rejects them, as bits: see `Rules.plugin`.
    whys : int64[V]
        Nodes by verdict, summed over the first attempts.
    found : int64[2, N], node : int64[1]
        Scratch.
    """

    pod_class: int
    now: int
    changed: NDArray[np.int32]
    changes: NDArray[np.int64]
    pods: NDArray[np.int64]
    is_first: NDArray[np.uint8]
    slot: NDArray[np.int64]
    victims: NDArray[np.int64]
    rejectors: NDArray[np.int64]
    whys: NDArray[np.int64]
    found: NDArray[np.int64]
    node: NDArray[np.int64]
