"""What a filter says of a node."""

from __future__ import annotations

from collections.abc import Iterable


class Reasons(list[str]):
    """Why a node is refused; empty = it passes.

    `unresolvable` says that no eviction of pods could help.
    """

    def __init__(self, reasons: Iterable[str] = (), *, unresolvable: bool = False):
        super().__init__(reasons)
        self.unresolvable = unresolvable


PASS = Reasons()
