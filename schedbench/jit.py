"""The one place that decides how kernels are compiled and cached.

Numba's own cache notices an edit of the file that holds a kernel, not of a helper
in another file (numba issue 1833). So compiled code lives in a folder whose name
hashes the modules with kernels, all that they import from this package, and the
versions of numba, llvmlite and numpy.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from schedbench.jit_linking import PartCompiler

PACKAGE = Path(__file__).resolve().parent
KERNEL_ROOMS = ("cluster", "plugins", "scheduler", "simulation")
STALE_AFTER_SECONDS = 14 * 86_400

_OPTIONS = {"nogil": True, "fastmath": False, "no_cfunc_wrapper": True}


_KERNEL = re.compile(rb"^@(array_|allocating_|inner_)?kernel$", re.MULTILINE)
_IMPORT = re.compile(
    rb"^from schedbench\.([\w.]+) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE
)


def _sources() -> dict[Path, bytes]:
    """Return the modules on which compiled code depends, with their text.

    A kernel sees the globals of its module: what it imports at its top level, and so
    on.
    """
    texts: dict[Path, bytes] = {}
    rooms = [PACKAGE / room for room in KERNEL_ROOMS]
    modules = [path for room in rooms for path in room.rglob("*.py")]
    left = [path for path in modules if _KERNEL.search(path.read_bytes())]
    left.append(Path(__file__))
    while left:
        path = left.pop()
        if path not in texts:
            texts[path] = path.read_bytes()
            left += _imported(texts[path])
    return texts


def _imported(text: bytes) -> list[Path]:
    """Return the modules of this package that a module imports at its top level."""
    found = []
    for module, *names in _IMPORT.findall(text):
        place = PACKAGE.joinpath(*module.decode().split("."))
        below = [name.strip() for name in b"".join(names).decode().split(",")]
        found += [place.with_suffix(".py"), place / "__init__.py"]
        found += [place / f"{name}.py" for name in below if name.isidentifier()]
    return [path for path in found if path.exists()]


@functools.cache
def source_hash() -> str:
    """Return the hash of everything compiled code depends on."""
    digest = hashlib.blake2b(digest_size=10)
    versions = (sys.version_info[:2], numba.__version__, llvmlite.__version__)
    digest.update(repr((*versions, np.__version__)).encode())
    for path, text in sorted(_sources().items()):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(text)
    return digest.hexdigest()


def _cache_root() -> Path:
    configured = os.environ.get("NUMBA_CACHE_DIR")
    if configured:
        return Path(configured) / "schedbench"
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "schedbench"


@functools.cache
def cache_folder() -> Path | None:
    """Return the folder of this version's compiled code, or None without a cache.

    `SCHEDBENCH_NO_CACHE=1` turns the cache off; so does a read-only home.
    Folders of other versions that nobody used for two weeks are removed.
    """
    if os.environ.get("SCHEDBENCH_NO_CACHE") == "1":
        return None
    root = _cache_root()
    folder = root / source_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        for other in root.iterdir():
            if other != folder and (
                other.stat().st_mtime < time.time() - STALE_AFTER_SECONDS
            ):
                shutil.rmtree(other, ignore_errors=True)
    except OSError:
        return None
    return folder


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop over arrays; integer division by zero raises, as in Python.

    It makes no arrays, so numba's reference counts are left out: with them, each array
    of a named tuple is counted at every call, and a cold compile takes half as long
    again.
    """
    return _compile(function, "python", cache_folder())


def allocating_kernel(function: Callable[..., Any]) -> Any:
    """Compile a loop that makes arrays; else the same as `kernel`."""
    return _compile(function, "python", cache_folder(), counts_references=True)


def inner_kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel into those that call it; else the same as `kernel`.

    To hand a named tuple of arrays over takes longer than a decision that reads a few
    of them: numba passes each array as seven arguments.
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

    The entry from Python takes apart every array of every named tuple: most of the
    compile time of a kernel that only kernels call.
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
