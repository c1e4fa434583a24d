"""Which classes can be indexed, and how their terms partition the nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import DomainState, PodClasses, StaticTable
from schedbench.plugins.base import ScoreKind
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.index.layout import Plan
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.sampling import ALL_NODES, Sampling
from schedbench.scheduler.session import Session

OF_THE_NODE = frozenset(
    {
        ScoreKind.LEAST_ALLOCATED,
        ScoreKind.MOST_ALLOCATED,
        ScoreKind.REQUESTED_TO_CAPACITY_RATIO,
        ScoreKind.BALANCED_ALLOCATION,
        ScoreKind.REMAINING_CAPACITY,
        ScoreKind.ALIGNMENT,
        ScoreKind.GPU_DOT_PRODUCT,
        ScoreKind.GPU_PACKING,
        ScoreKind.GPU_CLUSTERING,
        ScoreKind.IMAGE_LOCALITY,
    }
)
"""Scores that look at no other node, nor at the other nodes' scores."""
STATIC = frozenset({ScoreKind.TAINT_TOLERATION, ScoreKind.NODE_AFFINITY})
"""Scores that are normalized, of raw scores that pods do not change."""
OF_TERMS = frozenset({ScoreKind.INTER_POD_AFFINITY, ScoreKind.POD_TOPOLOGY_SPREAD})
"""Scores of pods in the nodes' domains, normalized."""
MOST_CONSTRAINTS = 8
"""Spread constraints by node that a class may have: each is a feature of its cells."""


def make_plan(
    session: Session, alike: NDArray[np.int32], wanted: NDArray[np.bool_]
) -> Plan:
    """Return the plan for the nodes as they are now.

    Parameters
    ----------
    alike : int32[C]
        The first class that is decided by the same rules as each.
    wanted : bool[C]
        The classes that are to be in the index, if they can be.
    """
    compiled, domains = session.compiled, session.state.domains
    narrow = _narrow_keys(domains)
    able = wanted & _able(compiled) & (_constraints_by_node(compiled, domains, narrow))
    keys = _wide_keys(compiled.classes, domains, narrow)
    grouping, group, delegate = _partitions(keys, domains)
    coupled = _has_terms(compiled.classes) | _has_static_scores(compiled)
    slot = _node_order(compiled.sampling, len(session.nodes))
    place = np.empty_like(slot)
    place[slot] = np.arange(len(slot), dtype=np.int32)
    return Plan(
        alike=alike,
        able=able.astype(np.uint8),
        coupled=coupled.astype(np.uint8),
        narrow=narrow.astype(np.uint8),
        grouping=grouping,
        group=group,
        delegate=delegate,
        place=place,
        slot=slot,
    )


def _node_order(sampling: Sampling, nodes: int) -> NDArray[np.int32]:
    """Return the slots in the order in which tied nodes are counted."""
    slots = np.arange(nodes, dtype=np.int32)
    if sampling.percentage >= ALL_NODES:
        return slots
    listed = sampling.order[: sampling.listed[0]]
    return np.concatenate([listed, np.setdiff1d(slots, listed)]).astype(np.int32)


def _able(compiled: Compiled) -> NDArray[np.bool_]:
    able = np.ones(len(compiled.classes.static_row), dtype=np.bool_)
    kinds = compiled.columns.kind.tolist()
    if compiled.choice.tie == Tie.NEXT or not (
        set(kinds) <= OF_THE_NODE | STATIC | OF_TERMS
    ):
        return ~able
    if len(compiled.sampling.narrows):
        able &= compiled.sampling.narrows == 0
    return able


def _constraints_by_node(
    compiled: Compiled, domains: DomainState, narrow: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the classes with few enough spread constraints over narrow keys."""
    spread = compiled.classes.spread
    count = np.zeros(len(compiled.classes.static_row), dtype=np.int64)
    for columns in (spread.hard, spread.soft):
        owner = np.repeat(np.arange(len(count)), np.diff(columns.start))
        np.add.at(count, owner, narrow[domains.key[columns.counter]])
    return np.asarray(count <= MOST_CONSTRAINTS)


def _narrow_keys(domains: DomainState) -> NDArray[np.bool_]:
    """Return the keys whose values no two nodes share, bool[D]."""
    narrow = np.zeros(len(domains.domain), dtype=np.bool_)
    for key, values in enumerate(domains.domain):
        times = np.bincount(values[values >= 0], minlength=1)
        narrow[key] = times.max() <= 1
    return narrow


def _has_terms(classes: PodClasses) -> NDArray[np.bool_]:
    terms, spread = classes.inter_pod, classes.spread
    found = np.zeros(len(classes.static_row), dtype=np.bool_)
    for lists in (
        spread.hard,
        spread.soft,
        terms.affinity,
        terms.own_anti,
        terms.existing_anti,
        terms.scored,
    ):
        found |= np.diff(lists.start) > 0
    return found


def _has_static_scores(compiled: Compiled) -> NDArray[np.bool_]:
    static: StaticTable = compiled.static
    found = np.zeros(len(compiled.classes.static_row), dtype=np.bool_)
    for kind in STATIC & set(map(ScoreKind, compiled.columns.kind.tolist())):
        differs = (static.skip[kind] == 0) & (static.scored[kind] != 0)
        found |= differs[compiled.classes.static_row]
    return found


def _wide_keys(
    classes: PodClasses, domains: DomainState, narrow: NDArray[np.bool_]
) -> list[frozenset[int]]:
    """Return the wide keys that each class's terms read."""
    terms, spread = classes.inter_pod, classes.spread
    found: list[set[int]] = [set() for _ in classes.static_row]
    for start, *counters in (
        *(
            (lists.start, lists.item)
            for lists in (
                terms.affinity,
                terms.own_anti,
                terms.existing_anti,
                terms.scored,
            )
        ),
        (spread.hard.start, spread.hard.counter),
        (spread.soft.start, spread.soft.counter, spread.soft.key_counter),
    ):
        owner = np.repeat(np.arange(len(found)), np.diff(start)).tolist()
        wide = (~narrow[domains.key[counters[0]]]).tolist()
        for counter in counters:
            for of, key, is_wide in zip(
                owner, domains.key[counter].tolist(), wide, strict=True
            ):
                if is_wide:
                    found[of].add(key)
    return [frozenset(keys) for keys in found]


def _partitions(
    keys: Sequence[frozenset[int]], domains: DomainState
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return each class's partition, the group of each node, a node of each group."""
    known: dict[frozenset[int], int] = {}
    grouping = np.array([known.setdefault(k, len(known)) for k in keys], dtype=np.int32)
    nodes = domains.domain.shape[1]
    group = np.zeros((max(len(known), 1), nodes), dtype=np.int32)
    delegate = np.zeros_like(group)
    for wide, partition in known.items():
        if wide and nodes:
            _, first, inverse = np.unique(
                domains.domain[sorted(wide)],
                axis=1,
                return_index=True,
                return_inverse=True,
            )
            group[partition] = inverse.reshape(-1)
            delegate[partition, : len(first)] = first
    return grouping, group, delegate
