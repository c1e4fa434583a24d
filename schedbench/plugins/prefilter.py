"""What a plugin says before any node is looked at."""

from __future__ import annotations

from typing import NamedTuple

from schedbench.plugins.base import NodeVerdicts

__all__ = ["NodeVerdicts", "PreFilterStop"]


class PreFilterStop(NamedTuple):
    """Why a plugin stops a pod before the filters, on every node.

    `unresolvable` is upstream's UnschedulableAndUnresolvable: it ends the attempt at
    once; without it the PreFilter parts of later plugins still run.
    """

    plugin: str
    reasons: tuple[str, ...]
    unresolvable: bool

    @property
    def message(self) -> str:
        """The reasons as one text."""
        return ", ".join(self.reasons)
