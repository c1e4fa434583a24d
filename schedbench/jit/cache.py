"""Where compiled code lies: a folder whose name hashes what the code depends on.

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
from pathlib import Path

import llvmlite
import numba
import numpy as np

PACKAGE = Path(__file__).resolve().parents[1]
KERNEL_ROOMS = ("cluster", "plugins", "scheduler", "simulation")
STALE_AFTER_SECONDS = 14 * 86_400

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
    left += sorted(Path(__file__).parent.glob("*.py"))
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
