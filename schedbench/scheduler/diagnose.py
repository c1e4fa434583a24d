"""Who rejects a node first, and why: the walk over the filters of a profile.

Each plugin is asked once for all nodes that are left; what they have in common is
said once.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.plugins.base import ClusterView, Status
from schedbench.scheduler.session import Session

PASSES = -1


class Rejected(NamedTuple):
    """Which plugin rejected a node first, and why."""

    plugin: str
    status: Status


class Diagnosis(NamedTuple):
    """Who rejects which node.

    Attributes
    ----------
    which : int32[N]
        By node slot: index into `verdicts`, or −1 where the node passes, is not in
        the cluster or was not asked about.
    verdicts
        The distinct rejections, and such as no node has.
    """

    which: NDArray[np.int32]
    verdicts: Sequence[Rejected]

    def counts(self) -> NDArray[np.int64]:
        """Return on how many nodes each of the verdicts was found, int64[verdicts]."""
        found = self.which[self.which >= 0]
        return np.bincount(found, minlength=len(self.verdicts))

    def reasons(self) -> collections.Counter[tuple[str, str]]:
        """Return (plugin, reason) → on how many nodes."""
        result: collections.Counter[tuple[str, str]] = collections.Counter()
        for verdict, count in zip(self.verdicts, self.counts(), strict=True):
            for reason in verdict.status.reasons if count else ():
                result[verdict.plugin, reason] += int(count)
        return result


class Rejections(Mapping[int, Rejected]):
    """A diagnosis as a mapping: slot → who rejects it; made when it is looked at."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis

    @functools.cached_property
    def _found(self) -> dict[int, Rejected]:
        which, verdicts = self._diagnosis
        slots = np.flatnonzero(which >= 0)
        named = [verdicts[index] for index in which[slots].tolist()]
        return dict(zip(slots.tolist(), named, strict=True))

    def reasons(self) -> collections.Counter[tuple[str, str]]:
        """Return (plugin, reason) → on how many nodes."""
        return self._diagnosis.reasons()

    def __getitem__(self, slot: int) -> Rejected:
        return self._found[slot]

    def __iter__(self) -> Iterator[int]:
        return iter(self._found)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._diagnosis.which >= 0))


def diagnose(
    session: Session,
    pod_class: int,
    slots: NDArray[np.int64] | None = None,
    *,
    view: ClusterView | None = None,
) -> Diagnosis:
    """Ask the filters one after another, in the order of the profile.

    Parameters
    ----------
    slots : int64[]
        The nodes to ask about; by default all that are in the cluster.
    view
        The cluster as it might be; by default as it is.
    """
    view = view or session.view
    alive = view.state.alive
    left = np.flatnonzero(alive) if slots is None else slots[alive[slots] > 0]
    which = np.full(len(alive), PASSES, dtype=np.int32)
    verdicts: list[Rejected] = []
    static = session.statics.table.reason[view.classes.static_row[pod_class]]
    by_plugin = _present(session, static[left])
    for plugin in session.plugins:
        if not len(left):
            break
        for index, reason in by_plugin.get(plugin.name, ()):
            here = static[left] == index
            which[left[here]] = len(verdicts)
            verdicts.append(Rejected(plugin.name, Status((reason,), True)))
            left = left[~here]
        found = plugin.verdicts(view, pod_class, left)
        rejected = found.code > 0
        if rejected.any():
            which[left[rejected]] = found.code[rejected] + (len(verdicts) - 1)
            verdicts += [Rejected(plugin.name, status) for status in found.statuses]
            left = left[~rejected]
    return Diagnosis(which, verdicts)


def refusal(
    session: Session, view: ClusterView, pod_class: int, slot: int
) -> Rejected | None:
    """Return who rejects one node first in a cluster as it might be, or None."""
    found = diagnose(session, pod_class, np.array([slot]), view=view)
    index = int(found.which[slot])
    return found.verdicts[index] if index >= 0 else None


def _present(
    session: Session, codes: NDArray[np.int16]
) -> Mapping[str, Sequence[tuple[int, str]]]:
    """Return plugin → (code, reason) of the static rejections among some codes."""
    found: dict[str, list[tuple[int, str]]] = {}
    if codes.any():
        known = list(session.statics.reasons)
        for code in np.flatnonzero(np.bincount(codes))[int((codes == 0).any()) :]:
            plugin, reason = known[code - 1]
            found.setdefault(plugin, []).append((int(code), reason))
    return found
