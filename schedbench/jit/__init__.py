"""The one place that decides how kernels are compiled, linked and cached.

`kernels` holds the decorators, `packs` how named tuples of arrays are handed on,
`linking` how kernels become parts of those that call them, `cache` where compiled
code lies.
"""

from schedbench.jit.cache import cache_folder, source_hash
from schedbench.jit.kernels import (
    allocating_kernel,
    array_kernel,
    inner_kernel,
    kernel,
    monotonic_ns,
    specialize,
)
from schedbench.jit.packs import by_reference

__all__ = [
    "allocating_kernel",
    "array_kernel",
    "by_reference",
    "cache_folder",
    "inner_kernel",
    "kernel",
    "monotonic_ns",
    "source_hash",
    "specialize",
]
