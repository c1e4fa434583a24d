"""Which of the best nodes is taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import kernel
from schedbench.scheduler.profile import Tie

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_LEAST = -(2**63)


@kernel
def draw(key: int, counter: int, bound: int) -> int:
    """Return a uniform integer in 0..bound − 1, a function of (key, counter) alone.

    SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at position `counter` of the
    stream `key`, its upper 32 bits scaled to the bound; the bias is below
    bound / 2**32.
    """
    z = np.uint64(key) + _GOLDEN * (np.uint64(counter) + np.uint64(1))
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z ^= z >> _S31
    return np.int64(((z >> _S32) * np.uint64(bound)) >> _S32)


@kernel
def select_node(
    total: NDArray[np.int64],
    bad: NDArray[np.int64],
    tie: int,
    key: int,
    counter: int,
    cursor: int,
    order: NDArray[np.int32],
) -> int:
    """Return the feasible node of greatest total, ties by the rule; −1 if none.

    Parameters
    ----------
    key, counter
        For `RANDOM`: the j-th of the tied nodes in node order, j = draw(key, counter).
    order : int32[]
        For `RANDOM`: the node order; if empty, that of the slots. `FIRST` is the first
        slot.
    cursor
        For `NEXT`: the first tied node at or after this slot, cyclically.
    """
    greatest = np.int64(_LEAST)
    for i in range(total.size):
        value = total[i] if bad[i] >= 0 else np.int64(_LEAST)
        greatest = max(greatest, value)
    tied = 0
    for i in range(total.size):
        tied += np.int64((bad[i] >= 0) & (total[i] == greatest))
    if tied == 0:
        return -1
    wanted = draw(key, counter, tied) if tie == Tie.RANDOM else 0
    if tie == Tie.RANDOM:
        for at in range(order.size):
            node = np.int64(order[at])
            if bad[node] >= 0 and total[node] == greatest:
                if wanted == 0:
                    return node
                wanted -= 1
    start = cursor if tie == Tie.NEXT else 0
    for step in range(total.size):
        node = start + step
        if node >= total.size:
            node -= total.size
        if bad[node] >= 0 and total[node] == greatest:
            if wanted == 0:
                return node
            wanted -= 1
    return -1
