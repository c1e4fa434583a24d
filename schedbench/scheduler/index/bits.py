"""Words of 64 bits, one a node of a block: int64, bit i for the i-th node."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from schedbench.jit import inner_kernel

EVERY = -1
"""The word of all nodes of a block."""
_DEFINED_FOR_ZERO = ir.Constant(ir.IntType(1), 0)


@intrinsic
def _ones(_context: Any, word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.ctpop(values[0])

    return numba.types.int64(numba.types.int64), generate


@intrinsic
def _zeros_below(_context: Any, word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], _DEFINED_FOR_ZERO)

    return numba.types.int64(numba.types.int64), generate


@inner_kernel
def ones(word: int) -> int:
    """Return how many bits are set."""
    return int(_ones(np.int64(word)))


@inner_kernel
def lowest(word: int) -> int:
    """Return which is the lowest bit that is set; 64 if none is."""
    return int(_zeros_below(np.int64(word)))


@inner_kernel
def nth(word_of_block: int, n: int) -> int:
    """Return which is the n-th bit that is set, counted from 0 upward."""
    at, left, word = np.int64(0), np.int64(n), np.int64(word_of_block)
    width = np.int64(32)
    while width > 0:
        low = word & ((np.int64(1) << width) - 1)
        count = np.int64(ones(low))
        if left >= count:
            left -= count
            at += width
            word = word >> width
        else:
            word = low
        width >>= 1
    return int(at)


@inner_kernel
def below(bit: int) -> int:
    """Return the word of the bits 0 to `bit` − 1, for 0 ≤ bit < 64."""
    return int((np.int64(1) << np.int64(bit)) - 1)
