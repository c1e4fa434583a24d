"""Content hashes of the files that a scenario reads."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from schedbench.errors import InputError


def files_below(root: Path) -> list[Path]:
    """Return a file itself, or the files below a folder in the order of their paths.

    Raises
    ------
    InputError
        If it is not there.
    """
    if not root.exists():
        raise InputError("no such file or folder", source=root)
    if root.is_file():
        return [root]
    return sorted(each for each in root.rglob("*") if each.is_file())


def file_digest(path: Path) -> str:
    """Hash a file's name and content; unchanged files are hashed once."""
    status = path.stat()
    content = _content_digest(str(path), status.st_size, status.st_mtime_ns)
    return f"{path.name} {content}"


@functools.lru_cache(maxsize=4096)
def _content_digest(path: str, size: int, modified: int) -> str:
    del size, modified  # a changed file is another entry of the cache
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
