"""What preemption remembers of every node, so that it looks at those that changed.

For classes whose filters look at the node alone; others are left to the dry runs of
`preemption.py`, which come to the same. What volume plugins say of a node is the same
in every dry run there, as long as none of its pods that may go uses volumes.
"""

from __future__ import annotations

import collections
import functools
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS
from schedbench.errors import InvariantError
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Scope, Status
from schedbench.plugins.node_ports import REASON as PORTS_TAKEN
from schedbench.plugins.node_resources_fit import short_of
from schedbench.scheduler.diagnose import Diagnosis, Rejected, Rejections
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.occupants import Crowd, Occupants
from schedbench.scheduler.preemption import (
    NEVER,
    NO_VICTIMS,
    NOT_HELPFUL,
    Candidate,
    Preemption,
    Search,
    fit_error,
    importance,
)
from schedbench.scheduler.session import Session
from schedbench.scheduler.storage import VolumesBeside
from schedbench.scheduler.victims import (
    AWAY,
    BREAKS,
    CANDIDATE,
    GOES,
    NOT_TRIED,
    ODD,
    PASSING,
    TRIED,
    VERDICTS,
    Question,
    Rates,
    find_candidates,
    passes,
    rate_nodes,
)

MOST_PORTS = 62
"""Host ports are bits of an int64."""
MOST_RESOURCES = 8
"""There are twice as many verdicts as sets of resources."""
MOST_BYTES = 256 * 2**20
MOST_KNOWN = 100_000


class Told(NamedTuple):
    """How many nodes reject a class, who does and why, and the FitError's text."""

    nodes: int
    rejectors: frozenset[str]
    reasons: collections.Counter[tuple[str, str]]
    text: str


class Refused(NamedTuple):
    """A pod that every node rejects, beside the pods nominated there.

    Attributes
    ----------
    rejections
        Node slot → who rejects it and why.
    rejectors
        The plugins among them.
    text
        The FitError's.
    preemption
        What came of making room.
    """

    rejections: Rejections
    rejectors: frozenset[str]
    text: str
    preemption: Preemption


class Evictions:
    """The memory of a world.

    Parameters
    ----------
    crowd
        Knows the pods; who changes it says so: `touch`, or `forget` if nodes change.
    """

    def __init__(self, crowd: Crowd, nodes: int) -> None:
        self._crowd = crowd
        self.occupants = Occupants(crowd, nodes)
        self._known: dict[tuple[int, int, int], tuple[object, Memory | None]] = {}
        self._memories: dict[tuple[int, int, int], Memory] = {}

    def touch(self, slot: int) -> None:
        """Note that pods came to a node or went, or were nominated to it or not."""
        self.occupants.touch(slot)

    def forget(self) -> None:
        """Begin anew: nodes changed."""
        self._known.clear()
        self._memories.clear()
        self.occupants.version += 1

    def knows(self, session: Session, pod: Pod, pod_class: int) -> bool:
        """Return whether a pod like this was asked about since nodes changed."""
        return (id(session), pod_class, pod.spec.priority or 0) in self._memories

    def ask(
        self,
        session: Session,
        pod: Pod,
        pod_class: int,
        search: Search,
        beside: VolumesBeside | None = None,
    ) -> Refused | None:
        """Return what comes of a pod that fits nowhere; None if it is not known here.

        The pod must not be nominated to a node itself. If it uses volumes, `beside` is
        what their plugins say, which have not stopped it.
        """
        memory = self._memory(session, pod, pod_class)
        if memory is None or not self.occupants.able:
            return None
        memory.catch_up()
        tally, told = memory.tally, memory.told()
        if tally[PASSING] or tally[ODD] or told.nodes != len(search.order):
            return None
        if pod.spec.preemption_policy == "Never":
            found = Preemption(f"preemption: {NEVER}")
        elif beside is None:
            found = memory.preempt(search)
        elif (special := memory.preempt_beside(search, beside)) is not None:
            found = special
        else:
            return None
        return Refused(Remembered(memory), told.rejectors, told.text, found)

    def keeps(self, session: Session, pod: Pod, pod_class: int, slot: int) -> bool:
        """Return whether the node to which a pod is nominated passes, for all we know.

        If others are nominated to it too, nothing is known.
        """
        memory = self._memory(session, pod, pod_class)
        return (
            memory is not None
            and len(self._crowd.nominated_on(slot)) == 1
            and bool(passes(memory.question, slot))
        )

    def _memory(self, session: Session, pod: Pod, pod_class: int) -> Memory | None:
        """Return the memory that serves a pod; pods share the spec of their template."""
        key = id(session), id(pod.spec), pod_class
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[key] = pod.spec, self._find(session, pod, pod_class)
        return found[1]

    def _find(self, session: Session, pod: Pod, pod_class: int) -> Memory | None:
        if not looks_at_nodes_alone(session, pod, pod_class):
            return None
        key = id(session), pod_class, pod.spec.priority or 0
        memory = self._memories.get(key)
        if memory is None:
            room = MOST_BYTES // (64 * max(self.occupants.nodes, 1))
            if len(self._memories) >= max(room, 1):
                self.forget()
            memory = Memory(session, pod_class, key[2], self.occupants)
            self._memories[key] = memory
        return memory


class Memory:
    """What is known of all nodes for pods of one class and priority."""

    def __init__(
        self, session: Session, pod_class: int, priority: int, occupants: Occupants
    ) -> None:
        self.session = session
        self.occupants = occupants
        self.question = _question(session, pod_class, priority)
        self.verdicts = self._verdicts()
        self.rates = _rates(occupants.nodes, len(self.verdicts))
        self.tally = memoryview(self.rates.tally)
        self._whys, self._afters = self.rates.tally[VERDICTS:].reshape(2, -1)
        self._place = -1, 0
        self._found = np.zeros((2, occupants.nodes), dtype=np.int64)
        self._told: tuple[bytes, Told] | None = None
        self._lent: list[weakref.ref[Remembered | Candidates]] = []

    def catch_up(self) -> None:
        """Rate the nodes that changed."""
        place = self.occupants.now()
        if place != self._place:
            self._give_up()
            nodes = self.occupants.since(self._place)
            rate_nodes(self.question, self.occupants.columns, self.rates, nodes)
            self._place = place

    def told(self) -> Told:
        """Return who rejects nodes, and the text that says why."""
        content = self._whys.tobytes()
        if self._told is None or self._told[0] != content:
            nodes = int(self._whys.sum())
            found = self._reasons(self._whys)
            rejectors = frozenset(plugin for plugin, _ in found)
            text = fit_error(_texts(found), nodes)
            self._told = content, Told(nodes, rejectors, found, text)
        return self._told[1]

    def lend(self, reader: Remembered | Candidates) -> None:
        """Let somebody read the columns until they change; who still reads copies."""
        self._lent.append(weakref.ref(reader))

    def _give_up(self) -> None:
        for each in self._lent:
            reader = each()
            if reader is not None:
                reader.keep()
        self._lent.clear()

    def preempt(self, search: Search) -> Preemption:
        """Make room: the same as `preemption.preempt` for a pod that may."""
        tryable = self.tally[TRIED]
        if tryable:
            self._give_up()
            order = np.asarray(search.order, dtype=np.int32)
            count, tied = find_candidates(
                self.rates,
                order,
                search.start(tryable),
                search.enough(tryable),
                self._found,
            )
            if count:
                return Preemption(
                    candidates=Candidates(self, self._found[0, :count]),
                    tied=Candidates(self, self._found[1, :tied]),
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
        enough = search.enough(len(walk))
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
        is_enough[: max(enough - 1, 0)] = False
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
        reasons = _texts(self._reasons(self._afters))
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
        pods = self.occupants.pods[slot]
        fates = columns.fate[: len(pods)].tolist()
        gone: list[PlacedPod] = []
        for fate in (BREAKS, GOES):
            gone += [one for one, its in zip(pods, fates, strict=True) if its == fate]
        gone.sort(key=importance)
        return Candidate(slot, gone, fates.count(BREAKS))

    def _reasons(
        self, counts: NDArray[np.int64]
    ) -> collections.Counter[tuple[str, str]]:
        found: collections.Counter[tuple[str, str]] = collections.Counter()
        for each in np.flatnonzero(counts).tolist():
            plugin, status = self.verdicts[each]
            for reason in status.reasons:
                found[plugin, reason] += int(counts[each])
        return found

    def _verdicts(self) -> list[Rejected]:
        known = [
            Rejected(plugin, Status((reason,), unresolvable=True))
            for plugin, reason in self.session.statics.reasons
        ]
        known.append(Rejected("NodePorts", Status((PORTS_TAKEN,), unresolvable=False)))
        names = [
            short_of(self.session.encoded.resources[row])
            for row in self.question.wants[0]
        ]
        for code in range(2 << len(names)):
            lacking = tuple(name for i, name in enumerate(names) if code >> i + 1 & 1)
            status = Status(lacking, unresolvable=bool(code & 1))
            known.append(Rejected("NodeResourcesFit", status))
        known.append(Rejected("", Status((NO_VICTIMS,), unresolvable=True)))
        return known


class Remembered(Rejections):
    """Who rejects the nodes, as a memory knows it now."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._told = memory.told()
        memory.lend(self)

    @functools.cached_property
    def _diagnosis(self) -> Diagnosis:  # type: ignore[override]
        return Diagnosis(self._memory.rates.why.copy(), self._memory.verdicts)

    def keep(self) -> None:
        """Copy what is known now."""
        _ = self._diagnosis

    def reasons(self) -> collections.Counter[tuple[str, str]]:
        """Return (plugin, reason) → on how many nodes."""
        return self._told.reasons


class Candidates(Sequence[Candidate]):
    """Candidates by slot, each worked out when it is looked at.

    Raises
    ------
    InvariantError
        If the cluster changed before a candidate was looked at first.
    """

    def __init__(self, memory: Memory, slots: NDArray[np.int64]) -> None:
        self._memory = memory
        self._slots = slots
        self._version = memory.occupants.version
        self._made: dict[int, Candidate] = {}
        memory.lend(self)

    @functools.cached_property
    def _by_slot(self) -> NDArray[np.int64]:
        return np.sort(self._slots)

    def keep(self) -> None:
        """Copy what is known now."""
        _ = self._by_slot

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._slots)

    @overload
    def __getitem__(self, index: int) -> Candidate: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...

    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        """Return one, or some."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        slot = int(self._by_slot[index])
        if slot not in self._made:
            if self._version != self._memory.occupants.version:
                raise InvariantError("preemption's candidates are older than the pods")
            self._made[slot] = self._memory.candidate(slot)
        return self._made[slot]


def looks_at_nodes_alone(session: Session, pod: Pod, pod_class: int) -> bool:
    """Return whether what a pod's filters see is its node: objects, ports, resources.

    The filters of node objects must come first, then the host ports, so that it is
    known who rejects a node first.
    """
    classes = session.compiled.classes
    terms, spread = classes.inter_pod, classes.spread
    read = (spread.hard, terms.affinity, terms.own_anti, terms.existing_anti)
    first, last = classes.conflict_start[pod_class : pod_class + 2]
    low, high = classes.fit_start[pod_class : pod_class + 2]
    narrows = session.compiled.sampling.narrows
    return not (
        any(each.start[pod_class] < each.start[pod_class + 1] for each in read)
        or classes.gpu_count[pod_class] > 0
        or last - first > MOST_PORTS
        or high - low > MOST_RESOURCES
        or (len(narrows) and narrows[pod_class])
        or _names_nodes(pod)
        or not _in_order(session)
    )


def _names_nodes(pod: Pod) -> bool:
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    return bool(required and any(t.match_fields for t in required.node_selector_terms))


def _in_order(session: Session) -> bool:
    """Return whether static filters come before NodePorts before NodeResourcesFit."""
    rank = {"NodePorts": 1, "NodeResourcesFit": 2}
    ranks = [
        rank.get(plugin.name, 0)
        for plugin in session.plugins
        if plugin.name in rank or plugin.filter_scope == Scope.STATIC
    ]
    return ranks == sorted(ranks)


def _question(session: Session, pod_class: int, priority: int) -> Question:
    state, compiled = session.state, session.compiled
    classes, switches = compiled.classes, compiled.switches
    low, high = classes.fit_start[pod_class : pod_class + 2]
    rows = classes.fit_rows[low : high if switches.resources else low]
    rows = np.concatenate([rows[rows == PODS], rows[rows != PODS]])
    first, last = classes.conflict_start[pod_class : pod_class + 2]
    conflicts = classes.conflicts[first : last if switches.ports else first]
    bits: dict[int, int] = {}
    for place, port in enumerate(conflicts.tolist()):
        bits[port] = bits.get(port, 0) | 1 << place
    holds = np.zeros(len(classes.request), dtype=np.int64)
    for other, (start, end) in enumerate(
        zip(classes.port_start[:-1], classes.port_start[1:], strict=True)
    ):
        for port in classes.ports[start:end].tolist():
            holds[other] |= bits.get(port, 0)
    return Question(
        priority=priority,
        ports=len(session.statics.reasons),
        alive=state.alive,
        reason=compiled.static.reason[classes.static_row[pod_class]],
        allocatable=state.allocatable,
        requested=state.requested,
        port_used=state.port_used,
        request=classes.request,
        wants=np.array([rows, classes.request[pod_class, rows]]),
        conflicts=conflicts.copy(),
        holds=holds,
        free=np.zeros(max(len(rows), 1), dtype=np.int64),
    )


def _rates(nodes: int, verdicts: int) -> Rates:
    return Rates(
        why=np.full(nodes, AWAY, dtype=np.int32),
        after=np.full(nodes, NOT_TRIED, dtype=np.int32),
        rules=np.zeros((nodes, 5), dtype=np.int64),
        tally=np.zeros(VERDICTS + 2 * verdicts, dtype=np.int64),
    )


def _texts(reasons: Mapping[tuple[str, str], int]) -> collections.Counter[str]:
    """Return reason → number of nodes, whichever plugin gave it."""
    found: collections.Counter[str] = collections.Counter()
    for (_, reason), nodes in reasons.items():
        found[reason] += nodes
    return found
