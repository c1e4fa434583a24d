"""The hash of the sources that can change a result."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent

PRESENTATION = frozenset({"report", "cli"})
"""Rooms that only show results: editing them leaves finished cells valid."""


def source_digest(package: Path) -> str:
    """Hash every Python file below a package folder, names and contents.

    Files in `PRESENTATION` are left out.
    """
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0] in PRESENTATION:
            continue
        content = path.read_bytes()
        digest.update(f"{name.as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


@functools.cache
def code_digest() -> str:
    """Return the hash of schedbench itself, computed once a process (about 10 ms)."""
    return source_digest(PACKAGE)
