"""How often the garbage collector looks through the objects of a run."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

YOUNG = 2_000_000
"""Objects made, less those freed, between looks at the young ones. Python's 700 took a
quarter of a run of 5,000 pods: nearly all that a run makes lives long, or is freed by
its last reference."""


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Let the collector look seldom for a while, and not at what is there already."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.freeze()  # what the run leaves counts as old: no look at 2,000,000 objects
        gc.set_threshold(*before)
        gc.unfreeze()
