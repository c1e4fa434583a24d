"""How kernels are compiled: in which kinds, for whom, and with what replaced."""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from schedbench.jit.cache import PACKAGE, cache_folder
from schedbench.jit.linking import PartCompiler

_OPTIONS = {"nogil": True, "fastmath": False, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop over arrays; integer division by zero raises, as in Python.

    It makes no arrays, so numba's reference counts are left out: with them, each array
    of a named tuple is counted at every call.
    """
    return _compile(function, "python", cache_folder())


def allocating_kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop that makes arrays; else the same as `kernel`."""
    return _compile(function, "python", cache_folder(), counts_references=True)


def inner_kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel into those that call it; else the same as `kernel`.

    A decision calls a dozen kernels for a few nodes each: without this, one of the
    basic workload takes a third longer.
    """
    return _compile(function, "python", cache_folder(), forceinline=True)


def array_kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop that never divides by zero, so that LLVM may vectorize it.

    The check for a zero divisor that `kernel` makes keeps LLVM from vectorizing:
    scoring 5,000 nodes took 3 times as long with it.
    """
    return _compile(function, "numpy", cache_folder())


def _compile(
    function: Callable[..., Any],
    error_model: str,
    folder: Path | None,
    *,
    counts_references: bool = False,
    forceinline: bool = False,
) -> Any:
    """Compile once for callers in Python and once for kernels, each when it is called.

    What kernels call is a part of the code of those that Python calls, and stands in
    their cache.
    """
    options = {
        **_OPTIONS,
        "error_model": error_model,
        "_nrt": counts_references,
        "forceinline": forceinline,
    }
    outer = _dispatcher(function, folder, options)
    if not numba.config.DISABLE_JIT:
        part = {"no_cpython_wrapper": True, "pipeline_class": PartCompiler}
        inner = _dispatcher(function, None, {**options, **part})
        outer.get_call_template = inner.get_call_template
        outer.get_overload = inner.get_overload
    return outer


def _dispatcher(
    function: Callable[..., Any], folder: Path | None, options: dict[str, Any]
) -> Any:
    if folder is None:
        return numba.njit(**options)(function)
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = previous


def specialize(function: Any, key: str, **replacements: Any) -> Any:
    """Compile a kernel anew with some kernels, however deep it calls them, replaced.

    This is how a user's own score enters the compiled cycle.

    Parameters
    ----------
    key
        Names what the replacements do: results are cached on disk under it.
    """
    folder = cache_folder()
    own = None if folder is None else folder / f"own-{key}"
    return _specialize(function, replacements, own, {})


def _specialize(
    function: Any,
    replacements: dict[str, Any],
    folder: Path | None,
    done: dict[Any, Any],
) -> Any:
    source = getattr(function, "py_func", function)
    if source in done:
        return done[source]
    done[source] = function
    changed = {}
    for name in source.__code__.co_names:
        called = source.__globals__.get(name)
        if name in replacements:
            changed[name] = replacements[name]
        elif isinstance(getattr(called, "py_func", called), types.FunctionType) and (
            called.__module__.startswith(f"{PACKAGE.name}.")
        ):
            special = _specialize(called, replacements, folder, done)
            if special is not called:
                changed[name] = special
    if changed:
        renamed = types.FunctionType(
            source.__code__, {**source.__globals__, **changed}, source.__name__
        )
        done[source] = _compile(renamed, "python", folder)
    return done[source]


if numba.config.DISABLE_JIT:
    monotonic_ns = time.perf_counter_ns
else:
    # Resolved by name in the process when a kernel is loaded, so kernels that read
    # the clock can still be cached; a call costs about 30 ns.
    _clock_gettime = numba.types.ExternalFunction(
        "clock_gettime",
        numba.types.int32(numba.types.int32, numba.types.uintp),
    )
    _CLOCK_MONOTONIC = np.int32(6 if sys.platform == "darwin" else 1)

    @allocating_kernel
    def monotonic_ns() -> int:
        """Return the machine's monotonic clock, in nanoseconds."""
        moment = np.empty(2, dtype=np.int64)
        _clock_gettime(_CLOCK_MONOTONIC, moment.ctypes.data)
        return int(moment[0]) * 1_000_000_000 + int(moment[1])
