"""Whole logs judged at once, as columns, where the promises are simple.

A workload is plain if nothing but nodes' objects, resources and the number of pods
decides where its pods may be. Of such a log it can be told in a few passes over its
columns that nothing is broken: 1,000,000 binds take half a second, one by one 30 s.
Where that cannot be told, the walk over the log says what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.metrics.validation.placement import placement_problems, required_nodes
from schedbench.metrics.validation.wish import Wish
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.policy import CompositePodGroup, PodGroup
from schedbench.objects.resources import node_allocatable
from schedbench.objects.workload import Workload
from schedbench.simulation.record import EventKind, Record

_KNOWN = np.zeros(256, dtype=np.bool_)
_KNOWN[
    [
        EventKind.ARRIVE,
        EventKind.BIND,
        EventKind.FINISH,
        EventKind.DELETE,
        EventKind.UNSCHEDULABLE,
    ]
] = True
_LARGEST_SUM = 2**62


def breaks_nothing(
    workload: Workload, record: Record, node_names: Sequence[str]
) -> bool:
    """Tell whether a log surely breaks no hard constraint; False = not known.

    Parameters
    ----------
    node_names
        Slot → name, as the log numbers nodes.
    """
    if not _is_plain(workload, node_names) or record.devices.any():
        return False
    wishes = [Wish(pod) for pod in workload.pods.templates]
    if any(wish.count or wish.ports for wish in wishes):
        return False
    ends = _stays(workload, record)
    if ends is None:
        return False
    binds = np.flatnonzero(record.kind == EventKind.BIND)
    judged = workload.pods.node[record.pod[binds]] != record.node[binds]
    return _suit(workload, record, wishes, binds[judged]) and _have_room(
        workload, record, wishes, binds, ends, judged
    )


def _is_plain(workload: Workload, node_names: Sequence[str]) -> bool:
    return (
        not workload.node_events
        and not workload.pod_updates
        and len(node_names) == len(workload.nodes)
        and all(
            name == node.metadata.name
            for name, node in zip(node_names, workload.nodes, strict=True)
        )
        and not any(
            isinstance(item, PodGroup | CompositePodGroup) for item in workload.objects
        )
        and all(_is_alone(pod) for pod in workload.pods.templates)
    )


def _is_alone(pod: Pod) -> bool:
    """Tell whether no other pod, volume or gate decides where the pod may be."""
    spec, affinity = pod.spec, pod.spec.affinity
    terms = [affinity.pod_affinity, affinity.pod_anti_affinity] if affinity else []
    return not (
        spec.scheduling_gates
        or spec.volumes
        or spec.resource_claims
        or spec.scheduling_group is not None
        or any(
            constraint.when_unsatisfiable == "DoNotSchedule"
            for constraint in spec.topology_spread_constraints
        )
        or any(
            term is not None
            and term.required_during_scheduling_ignored_during_execution
            for term in terms
        )
    )


def _stays(workload: Workload, record: Record) -> NDArray[np.int64] | None:
    """Return the entries that end a stay; None unless every pod's story is simple.

    It arrives once and not too early, is bound at most once, after that, and ends at
    most once: on the node that it was bound to, or unbound by a deletion.
    """
    pods, kind, pod = workload.pods, record.kind, record.pod
    count, entries = len(pods), len(kind)
    if not _KNOWN[kind.astype(np.uint8)].all() or not np.isfinite(record.time).all():
        return None
    if (np.diff(record.time, prepend=0.0) < 0).any():
        return None
    if ((pod < 0) | (pod >= count)).any():
        return None
    at = {}
    is_end = (kind == EventKind.FINISH) | (kind == EventKind.DELETE)
    for name, chosen in (
        ("arrive", kind == EventKind.ARRIVE),
        ("bind", kind == EventKind.BIND),
        ("end", is_end),
    ):
        found = np.flatnonzero(chosen)
        at[name] = np.full(count, entries, dtype=np.int64)
        at[name][pod[found]] = found
        if np.count_nonzero(at[name] < entries) != len(found):
            return None
    came, bound, ended = at["arrive"], at["bind"], at["end"]
    arrived = np.flatnonzero(came < entries)
    if (record.time[came[arrived]] < pods.arrival[arrived]).any():
        return None
    placed = np.flatnonzero(bound < entries)
    where = record.node[bound[placed]]
    if ((where < 0) | (where >= len(workload.nodes))).any():
        return None
    if (came[placed] > bound[placed]).any():
        return None
    gone = np.flatnonzero(ended < entries)
    end = ended[gone]
    deleted = kind[end] == EventKind.DELETE
    if (record.time[end] < pods.deletion[gone])[deleted].any():
        return None
    left = bound[gone] < end
    was_on = np.where(left, record.node[np.minimum(bound[gone], entries - 1)], -1)
    unbound = deleted & (bound[gone] == entries)
    if not ((left | unbound) & (record.node[end] == was_on)).all():
        return None
    return np.asarray(end[left])


def _suit(
    workload: Workload, record: Record, wishes: Sequence[Wish], binds: NDArray[np.int64]
) -> bool:
    """Tell whether the pods' nodes suit them by their objects alone."""
    statics = {content: i for i, content in enumerate({w.static for w in wishes})}
    representative = {statics[wish.static]: wish for wish in wishes}
    static_of = np.array([statics[wish.static] for wish in wishes], dtype=np.int64)
    static = static_of[workload.pods.template[record.pod[binds]]]
    nodes = len(workload.nodes)
    pairs = np.sort(static * nodes + record.node[binds])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    kinds: dict[object, int] = {}
    kind_of = np.array(
        [kinds.setdefault(_mood(node), len(kinds)) for node in workload.nodes],
        dtype=np.int64,
    )
    for row, wish in representative.items():
        first, last = np.searchsorted(pairs, [row * nodes, (row + 1) * nodes])
        slots = pairs[first:last] - row * nodes
        if _looks_at_taints_alone(wish):
            _, example = np.unique(kind_of[slots], return_index=True)
            slots = slots[example]
        for slot in slots.tolist():
            if any(placement_problems(wish, workload.nodes[slot])):
                return False
    return True


def _mood(node: Node) -> object:
    """Return what keeps pods from a node that do not choose among nodes."""
    taints = [(taint.key, taint.value, taint.effect) for taint in node.spec.taints]
    return (tuple(taints), node.spec.unschedulable)


def _looks_at_taints_alone(wish: Wish) -> bool:
    spec = wish.pod.spec
    return not (spec.node_name or spec.node_selector or required_nodes(wish.pod))


def _have_room(
    workload: Workload,
    record: Record,
    wishes: Sequence[Wish],
    binds: NDArray[np.int64],
    ends: NDArray[np.int64],
    judged: NDArray[np.bool_],
) -> bool:
    """Tell whether every pod that was judged found the resources that it asks for."""
    entry = np.concatenate([binds, ends])
    order = np.argsort(entry)
    order = order[np.argsort(record.node[entry[order]], kind="stable")]
    entry = entry[order]
    node = record.node[entry]
    template = workload.pods.template[record.pod[entry]]
    comes = order < len(binds)
    looked_at = np.concatenate([judged, np.zeros(len(ends), dtype=np.bool_)])[order]
    begins = np.ones(len(entry), dtype=np.bool_)
    begins[1:] = node[1:] != node[:-1]
    group = np.cumsum(begins) - 1
    amounts: dict[str, NDArray[np.int64]] = {}
    for i, wish in enumerate(wishes):
        for name, amount in wish.requests:
            column = amounts.setdefault(name, np.zeros(len(wishes), dtype=np.int64))
            column[i] = amount
    every = [(name, column, column > 0) for name, column in amounts.items()]
    ones = np.ones(len(wishes), dtype=np.int64)
    offers = _offers(workload.nodes, [*amounts, "pods"])
    for name, column, asks in [*every, ("pods", ones, ones > 0)]:
        if int(column.max(initial=0)) * (len(entry) + 1) > _LARGEST_SUM:
            return False
        change = np.where(comes, column[template], -column[template])
        running = np.cumsum(change)
        before = (running - change)[begins]
        over = running - before[group] > offers[name][node]
        if (over & looked_at & asks[template]).any():
            return False
    return True


def _offers(nodes: Sequence[Node], names: Sequence[str]) -> dict[str, NDArray]:
    """Return what each node offers of each resource, int64[node]."""
    contents: dict[object, int] = {}
    alike: list[dict[str, int]] = []
    which = np.zeros(len(nodes), dtype=np.int64)
    for slot, node in enumerate(nodes):
        content = tuple(node.status.allocatable.items())
        which[slot] = contents.setdefault(content, len(contents))
        if which[slot] == len(alike):
            alike.append(node_allocatable(node))
    columns = {name: np.zeros(len(alike), dtype=np.int64) for name in names}
    for number, offer in enumerate(alike):
        for name in offer.keys() & columns.keys():
            columns[name][number] = offer[name]
    return {name: column[which] for name, column in columns.items()}
