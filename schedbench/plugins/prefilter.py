"""What a plugin says before any node is looked at, and of many nodes at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.plugins.base import Status


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


class NodeVerdicts(NamedTuple):
    """Which of some nodes a filter rejects, and why.

    Attributes
    ----------
    code : int16[slots]
        0 = passes, else 1 + index into `statuses`.
    statuses
        The reasons of a rejection, all that hold at once, and whether evictions help.
    """

    code: NDArray[np.int16]
    statuses: Sequence[Status]

    @classmethod
    def passed(cls, count: int) -> NodeVerdicts:
        """Return the verdict of a filter that rejects none."""
        return cls(np.zeros(count, dtype=np.int16), ())

    @classmethod
    def of(
        cls, rejects: NDArray[np.bool_], reason: str, *, unresolvable: bool
    ) -> NodeVerdicts:
        """Return the verdict of a filter with a single reason."""
        return cls(rejects.astype(np.int16), (Status((reason,), unresolvable),))
