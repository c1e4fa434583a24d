"""Dry runs of preemption, compiled: who would have to go from a node, for one class.

For classes whose filters look at the node alone: node object, host ports, resources.
Pods are given back one by one, because the taken host ports of a node are a set: one
that two pods hold is free as soon as one of them goes.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/defaultpreemption
(SelectVictimsOnNode).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import PODS
from schedbench.jit import by_reference, inner_kernel, kernel

PASSES, AWAY = -1, -3
"""In `why`: nobody rejects the node; it is not in the cluster."""
CANDIDATE, NOT_TRIED = -1, -2
"""In `after`: evictions would let the pod in; nobody has tried."""
STAYS, GOES, BREAKS = 0, 1, 2
"""Of a pod: it stays, it goes, it goes although a budget protects it."""
PASSING, TRIED, ODD, VERDICTS = 0, 1, 2, 3
"""In `tally`: nodes that pass, nodes where eviction may help, candidates without
victims, and from there on nodes by verdict."""
PRIORITY_SHIFT = np.int64(2**31)
BITS = np.int64(2**63 - 1)
IN, OUT = np.int64(1), np.int64(-1)


@by_reference
class Question(NamedTuple):
    """What a class asks of nodes: `F` resources, `N` nodes, `C` classes.

    Verdicts are numbers: static reasons by id, then host ports, then two for each set
    of lacking resources (the second where eviction is in vain), then no victims.

    Attributes
    ----------
    priority
        Of the pod; lower pods may go for it.
    ports
        The number of the verdict of the host ports.
    alive : uint8[N], reason : int16[N]
        Which nodes are there, and why the node object rejects the pod.
    allocatable, requested : int64[R, N], port_used : int32[P, N]
        The columns of the cluster.
    request : int64[C, R]
        What the pods of each class request.
    wants : int64[2, F]
        Which resources must fit, and how much the class requests of them.
    conflicts : int32[], holds : int64[C]
        Host ports that must be free; bit i is set for classes that hold port i of them.
    free : int64[F]
        Scratch: what is free of each resource.
    """

    priority: int
    ports: int
    alive: NDArray[np.uint8]
    reason: NDArray[np.int16]
    allocatable: NDArray[np.int64]
    requested: NDArray[np.int64]
    port_used: NDArray[np.int32]
    request: NDArray[np.int64]
    wants: NDArray[np.int64]
    conflicts: NDArray[np.int32]
    holds: NDArray[np.int64]
    free: NDArray[np.int64]


@by_reference
class Columns(NamedTuple):
    """The pods on nodes and those nominated to them; `W` and `G` at most on a node.

    Attributes
    ----------
    pods : int64[N, W, 5]
        Class, priority, budgets (bit b for the one of number b) of each pod, the bits
        of the float64 that says when it started, and the pod's number; the most
        important first.
    guests : int64[N, G, 2]
        Class and priority of the nominated pods.
    counts : int64[N, 2]
        How many pods and guests each node has.
    budgets : int64[2, B]
        How many pods of each disruption budget may go; scratch.
    fate : int64[W]
        What the dry run came to for the pods of the node that was rated last.
    """

    pods: NDArray[np.int64]
    guests: NDArray[np.int64]
    counts: NDArray[np.int64]
    budgets: NDArray[np.int64]
    fate: NDArray[np.int64]


@by_reference
class Rates(NamedTuple):
    """What is known of every node; `V` verdicts.

    Attributes
    ----------
    why, after : int32[N]
        The verdict on the node as it is, and without its lower pods.
    rules : int64[N, 5]
        Of candidates: violations, highest priority, sum of the priorities, and number
        of the victims; how early the first of the highest started. The least is best.
    tally : int64[3 + 2V]
        How many nodes there are of each sort: by `why`, then by `after`.
    """

    why: NDArray[np.int32]
    after: NDArray[np.int32]
    rules: NDArray[np.int64]
    tally: NDArray[np.int64]


@kernel
def rate_nodes(
    question: Question, columns: Columns, rates: Rates, nodes: NDArray[np.int64]
) -> None:
    """Find out about some nodes anew."""
    for i in range(nodes.size):
        count_node(rates, nodes[i], OUT)
        rate_node(question, columns, rates, nodes[i])
        count_node(rates, nodes[i], IN)


@kernel
def passes(question: Question, node: int) -> bool:
    """Return whether a node passes as it is, nominated pods apart."""
    if not question.alive[node] or question.reason[node] > 0:
        return False
    read_node(question, node)
    return not ports_taken(question, node) and not missing(question)


@inner_kernel
def count_node(rates: Rates, node: int, sign: int) -> None:
    """Count a node in or out."""
    why, after, tally = rates.why[node], rates.after[node], rates.tally
    if why == PASSES:
        tally[PASSING] += sign
    elif why >= 0:
        tally[VERDICTS + why] += sign
    if after != NOT_TRIED:
        tally[TRIED] += sign
    if after >= 0:
        tally[(VERDICTS + tally.size) // 2 + after] += sign
    if after == CANDIDATE and rates.rules[node, 3] == 0:
        tally[ODD] += sign


@inner_kernel
def rate_node(question: Question, columns: Columns, rates: Rates, node: int) -> None:
    """Find out who rejects a node, and who would have to go from it."""
    rates.after[node] = NOT_TRIED
    if not question.alive[node]:
        rates.why[node] = AWAY
        return
    if question.reason[node] > 0:
        rates.why[node] = question.reason[node] - 1
        return
    used = np.int64(ports_taken(question, node))
    read_node(question, node)
    kept = np.int64(0)
    for g in range(columns.counts[node, 1]):
        if columns.guests[node, g, 1] >= question.priority:
            guest = columns.guests[node, g, 0]
            kept |= question.holds[guest]
            shift(question, guest, OUT)
    why = np.int64(PASSES)
    helps = True
    if used | kept:
        why = np.int64(question.ports)
    else:
        lacking = missing(question)
        if lacking:
            helps = not is_hopeless(question, node, lacking)
            why = question.ports + 1 + 2 * lacking + np.int64(not helps)
    rates.why[node] = why
    if why != PASSES and helps:
        rates.after[node] = try_node(question, columns, rates, node, used, kept)


@inner_kernel
def read_node(question: Question, node: int) -> None:
    """Write what is free on a node."""
    for f in range(question.wants.shape[1]):
        row = question.wants[0, f]
        free = question.allocatable[row, node] - question.requested[row, node]
        question.free[f] = free


@inner_kernel
def ports_taken(question: Question, node: int) -> int:
    """Return which of the wanted host ports are taken on a node, as bits."""
    taken = np.int64(0)
    for i in range(question.conflicts.size):
        if question.port_used[question.conflicts[i], node] > 0:
            taken |= np.int64(1) << i
    return int(taken)


@inner_kernel
def try_node(
    question: Question, columns: Columns, rates: Rates, node: int, used: int, kept: int
) -> int:
    """Take all lower pods off a node and give back as many as possible.

    `used` and `kept` are the host ports taken by pods on the node, and by guests.
    """
    count = columns.counts[node, 0]
    first = np.int64(0)
    while first < count and columns.pods[node, first, 1] >= question.priority:
        first += 1
    if first == count:
        return int(question.ports + 1 + 2 * (1 << question.wants.shape[1]))
    for i in range(first, count):
        other = columns.pods[node, i, 0]
        used &= ~question.holds[other]
        shift(question, other, IN)
    if used | kept:
        return int(question.ports)
    lacking = missing(question)
    if lacking:
        return int(question.ports + 1 + 2 * lacking)
    find_violating(columns, node, first)
    victims, violations = np.int64(0), np.int64(0)
    for fate in (BREAKS, GOES):
        for i in range(first, count):
            if columns.fate[i] != fate:
                continue
            other = columns.pods[node, i, 0]
            holds = question.holds[other]
            shift(question, other, OUT)
            if used | holds | kept or missing(question):
                used &= ~holds
                shift(question, other, IN)
                victims += 1
                violations += np.int64(fate == BREAKS)
            else:
                used |= holds
                columns.fate[i] = STAYS
    rate_victims(columns, rates, node, first)
    rates.rules[node, 0] = violations
    rates.rules[node, 3] = victims
    return CANDIDATE


@inner_kernel
def find_violating(columns: Columns, node: int, first: int) -> None:
    """Mark the pods whose eviction breaks a budget, if all of them go in order."""
    count, left = columns.counts[node, 0], columns.budgets[1]
    for b in range(left.size):
        left[b] = columns.budgets[0, b]
    for i in range(count):
        columns.fate[i] = STAYS if i < first else GOES
    for i in range(first, count if left.size else first):
        budgets = columns.pods[node, i, 2]
        for b in range(left.size):
            if (budgets >> b) & 1:
                left[b] -= 1
                if left[b] < 0:
                    columns.fate[i] = BREAKS


@inner_kernel
def rate_victims(columns: Columns, rates: Rates, node: int, first: int) -> None:
    """Write what the rules compare of the victims' priorities and starts."""
    highest, total = np.int64(0), np.int64(0)
    earliest = BITS
    is_first = True
    for i in range(first, columns.counts[node, 0]):
        if columns.fate[i] == STAYS:
            continue
        priority = columns.pods[node, i, 1]
        if is_first:
            highest = priority
            is_first = False
        if priority == highest:
            start = columns.pods[node, i, 3]
            earliest = min(earliest, start if start >= 0 else start ^ BITS)
        total += priority + PRIORITY_SHIFT
    rates.rules[node, 1] = highest
    rates.rules[node, 2] = total
    rates.rules[node, 4] = -earliest


@inner_kernel
def shift(question: Question, pod_class: int, sign: int) -> None:
    """Let a pod of a class go (`sign` 1) or come (−1), in what is free."""
    for f in range(question.wants.shape[1]):
        question.free[f] += sign * question.request[pod_class, question.wants[0, f]]


@inner_kernel
def missing(question: Question) -> int:
    """Return which resources are too little, as bits."""
    lacking = np.int64(0)
    for f in range(question.wants.shape[1]):
        lacking |= np.int64(question.wants[1, f] > question.free[f]) << f
    return int(lacking)


@inner_kernel
def is_hopeless(question: Question, node: int, lacking: int) -> bool:
    """Return whether the node has less of a lacking resource in all."""
    for f in range(question.wants.shape[1]):
        row = question.wants[0, f]
        if (
            (lacking >> f) & 1
            and row != PODS
            and question.wants[1, f] > question.allocatable[row, node]
        ):
            return True
    return False
