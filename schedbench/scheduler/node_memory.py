"""What is known of every node for one class of pods that preempt."""

from __future__ import annotations

import collections
import functools
import weakref
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from schedbench.plugins.base import Scope, Status
from schedbench.scheduler.candidates import WORD, Walk, find_candidates, read_walk
from schedbench.scheduler.diagnose import Diagnosis
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.lent import Candidates, Remembered, Told
from schedbench.scheduler.occupants import Occupants
from schedbench.scheduler.preemption import (
    NOT_HELPFUL,
    Candidate,
    Preemption,
    Search,
    fit_error,
    importance,
)
from schedbench.scheduler.questions import make_rates, question_of, verdicts_of
from schedbench.scheduler.session import Session
from schedbench.scheduler.storage import VolumesBeside
from schedbench.scheduler.victims import (
    BREAKS,
    CANDIDATE,
    GOES,
    NOT_TRIED,
    PASSING,
    TRIED,
    VERDICTS,
    rate_nodes,
)


class Memory:
    """What is known of all nodes for pods of one class and priority."""

    def __init__(
        self, session: Session, pod_class: int, priority: int, occupants: Occupants
    ) -> None:
        self.session = session
        self.occupants = occupants
        self.question = question_of(session, pod_class, priority)
        self.verdicts = verdicts_of(session, self.question)
        self.rates = make_rates(occupants.nodes, len(self.verdicts))
        self.tally = self.rates.tally.data
        self._whys, self._afters = self.rates.tally[VERDICTS:].reshape(2, -1)
        self._place = -1, 0
        self.found = np.zeros((2, occupants.nodes), dtype=np.int64)
        self._told: tuple[bytes, Told] | None = None
        self._walk: Walk | None = None
        self._plugins: dict[int, frozenset[str]] = {}
        self._lent: list[weakref.ref[Remembered | Candidates]] = []

    def catch_up(self) -> None:
        """Rate the nodes that changed."""
        place = self.occupants.now()
        if place != self._place:
            self.keep_lent()
            nodes = self.occupants.since(self._place)
            rate_nodes(self.question, self.occupants.columns, self.rates, nodes)
            self._place = place

    @property
    def may_fit(self) -> bool:
        """Whether a node passed when it caught up last."""
        return bool(self.tally[PASSING])

    def follow(self, slots: NDArray[np.int64]) -> None:
        """Note that nodes were changed, and rated anew, since it caught up."""
        self._place = self.occupants.follow(slots)

    def told(self) -> Told:
        """Return who rejects nodes, and the text that says why."""
        content = self._whys.tobytes()
        if self._told is None or self._told[0] != content:
            nodes = int(self._whys.sum())
            found = self.reasons(self._whys)
            rejectors = frozenset(plugin for plugin, _ in found)
            text = fit_error(_texts(found), nodes)
            self._told = content, Told(nodes, rejectors, found, text)
        return self._told[1]

    @functools.cached_property
    def plugin_bits(self) -> NDArray[np.int64]:
        """For each verdict the bit of the plugin that gives it, int64[verdict]."""
        names = self._plugin_names
        bits = [
            1 << names.index(plugin) if status.reasons else 0
            for plugin, status in self.verdicts
        ]
        return np.array(bits, dtype=np.int64)

    def plugins(self, bits: int) -> frozenset[str]:
        """Return the plugins of some bits."""
        if bits not in self._plugins:
            names = enumerate(self._plugin_names)
            self._plugins[bits] = frozenset(n for i, n in names if bits >> i & 1)
        return self._plugins[bits]

    @functools.cached_property
    def _plugin_names(self) -> list[str]:
        return list(dict.fromkeys(one.plugin for one in self.verdicts))

    @property
    def version(self) -> int:
        """Counts the changes of the cluster."""
        return self.occupants.version

    def diagnosis(self) -> Diagnosis:
        """Return a copy of who rejects which node."""
        return Diagnosis(self.rates.why.copy(), self.verdicts)

    def lend(self, reader: Remembered | Candidates) -> None:
        """Let somebody read the columns until they change; who still reads copies."""
        self._lent.append(weakref.ref(reader))

    def keep_lent(self) -> None:
        """Have those who still read the columns copy what they read."""
        for each in self._lent:
            reader = each()
            if reader is not None:
                reader.keep()
        self._lent.clear()

    def walk(self, search: Search) -> Walk:
        """Return the order of a search with its words, to be read."""
        order = np.asarray(search.order, dtype=np.int32)
        if self._walk is None or not np.array_equal(order, self._walk.order):
            words = np.zeros((2, (len(order) + WORD - 1) // WORD), dtype=np.int64)
            place = np.zeros(self.occupants.nodes, dtype=np.int32)
            self._walk = Walk(order.copy(), place, *words)
        return self._walk

    def preempt(self, search: Search) -> Preemption:
        """Make room: the same as `preemption.preempt` for a pod that may."""
        tryable = self.tally[TRIED]
        if tryable:
            self.keep_lent()
            walk = self.walk(search)
            read_walk(self.rates, walk)
            count, tied = find_candidates(
                self.rates,
                walk,
                search.start(tryable),
                search.enough(tryable),
                self.found,
            )
            if count:
                return Preemption(
                    candidates=Candidates(self, self.found[0, :count]),
                    tied=Candidates(self, self.found[1, :tied]),
                )
        return self._in_vain(())

    def preempt_beside(
        self, search: Search, beside: VolumesBeside
    ) -> Preemption | None:
        """Make room for a pod with volumes; None if pods that may go use some too.

        The volume plugins must come last in the profile.
        """
        after, rules = self.rates.after, self.rates.rules
        order = np.asarray(search.order, dtype=np.int64)
        walk = order[after[order] != NOT_TRIED]
        if len(walk):
            walk = np.roll(walk, -search.start(len(walk)))
        left = walk[after[walk] == CANDIDATE]
        enough = max(search.enough(len(walk)), 1)
        if not self._runs_last(beside):
            return None
        found, vetoes = left[:0], list[Status]()
        while len(left) and (len(found) < enough or rules[found, 0].all()):
            some, left = left[:enough], left[enough:]
            if any(map(self.occupants.use_volumes, some.tolist())):
                return None
            vetoed = beside.rejections(some.tolist(), {})
            vetoes += [one.status for one in vetoed.values()]
            found = np.append(found, some[~np.isin(some, list(vetoed))])
        is_enough = np.cumsum(rules[found, 0] == 0) > 0
        is_enough[: enough - 1] = False
        found = tied = found[
            : int(np.argmax(is_enough)) + 1 if is_enough.any() else None
        ]
        if not len(found):
            return self._in_vain(vetoes)
        for rule in range(rules.shape[1]):
            values = rules[tied, rule]
            tied = tied[values == values.min()]
        return Preemption(
            candidates=Candidates(self, found), tied=Candidates(self, tied)
        )

    def _runs_last(self, beside: VolumesBeside) -> bool:
        """Return whether the volume plugins come after what the memory knows."""
        own = [
            beside.place.get(plugin.name, -1)
            for plugin in self.session.plugins
            if plugin.filter_scope != Scope.DOMAIN
        ]
        return all(beside.place[name] > max(own, default=-1) for name in beside.plugins)

    def _in_vain(self, vetoes: Iterable[Status]) -> Preemption:
        """Return that there is no candidate; some nodes' only fault were the vetoes."""
        rejected = self.told().nodes
        reasons = _texts(self.reasons(self._afters))
        for status in vetoes:
            reasons.update(status.reasons)
        if rejected > self.tally[TRIED]:
            reasons[NOT_HELPFUL] = rejected - self.tally[TRIED]
        text = fit_error(reasons, rejected)
        return Preemption(f"preemption: {text}", clears=True)

    def candidate(self, slot: int) -> Candidate:
        """Work out who would have to go from a node that is a candidate."""
        columns = self.occupants.columns
        nodes = np.array([slot])
        rate_nodes(self.question, columns, self.rates, nodes)
        pods = self.occupants.on(slot)
        fates = columns.fate[: len(pods)].tolist()
        gone: list[PlacedPod] = []
        for fate in (BREAKS, GOES):
            gone += [one for one, its in zip(pods, fates, strict=True) if its == fate]
        gone.sort(key=importance)
        return Candidate(slot, gone, fates.count(BREAKS))

    def reasons(
        self, counts: NDArray[np.int64]
    ) -> collections.Counter[tuple[str, str]]:
        """Return (plugin, reason) → on how many nodes, by the number of the verdict."""
        found: collections.Counter[tuple[str, str]] = collections.Counter()
        for each in np.flatnonzero(counts).tolist():
            plugin, status = self.verdicts[each]
            for reason in status.reasons:
                found[plugin, reason] += int(counts[each])
        return found


def _texts(reasons: Mapping[tuple[str, str], int]) -> collections.Counter[str]:
    """Return reason → number of nodes, whichever plugin gave it."""
    found: collections.Counter[str] = collections.Counter()
    for (_, reason), nodes in reasons.items():
        found[reason] += nodes
    return found
