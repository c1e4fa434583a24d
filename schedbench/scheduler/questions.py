"""What preemption asks of nodes for a class of pods, and what the verdicts mean."""

from __future__ import annotations

import numpy as np

from schedbench.cluster.layout import PODS
from schedbench.objects.pod import Pod
from schedbench.plugins.base import Scope, Status
from schedbench.plugins.node_ports import REASON as PORTS_TAKEN
from schedbench.plugins.node_resources_fit import short_of
from schedbench.scheduler.diagnose import Rejected
from schedbench.scheduler.preemption import NO_VICTIMS
from schedbench.scheduler.session import Session
from schedbench.scheduler.victims import AWAY, NOT_TRIED, VERDICTS, Question, Rates

MOST_PORTS = 62
"""Host ports are bits of an int64."""
MOST_RESOURCES = 8
"""There are twice as many verdicts as sets of resources."""


def looks_at_nodes_alone(session: Session, pod_class: int) -> bool:
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
        or not _in_order(session)
    )


def names_nodes(pod: Pod) -> bool:
    """Return whether NodeAffinity may narrow the nodes down before the filters."""
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


def question_of(session: Session, pod_class: int, priority: int) -> Question:
    """Return what pods of a class and priority ask of nodes."""
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


def make_rates(nodes: int, verdicts: int) -> Rates:
    """Return that nothing is known of the nodes."""
    return Rates(
        why=np.full(nodes, AWAY, dtype=np.int32),
        after=np.full(nodes, NOT_TRIED, dtype=np.int32),
        rules=np.zeros((nodes, 5), dtype=np.int64),
        tally=np.zeros(VERDICTS + 2 * verdicts, dtype=np.int64),
    )


def verdicts_of(session: Session, question: Question) -> list[Rejected]:
    """Return the verdicts by their numbers: see `Question`."""
    known = [
        Rejected(plugin, Status((reason,), unresolvable=True))
        for plugin, reason in session.statics.reasons
    ]
    known.append(Rejected("NodePorts", Status((PORTS_TAKEN,), unresolvable=False)))
    names = [short_of(session.encoded.resources[row]) for row in question.wants[0]]
    for code in range(2 << len(names)):
        lacking = tuple(name for i, name in enumerate(names) if code >> i + 1 & 1)
        status = Status(lacking, unresolvable=bool(code & 1))
        known.append(Rejected("NodeResourcesFit", status))
    known.append(Rejected("", Status((NO_VICTIMS,), unresolvable=True)))
    return known
