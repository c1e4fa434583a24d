"""The terms of pod affinity and topology spread, class by class, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.jit import by_reference


@by_reference
class Ragged(NamedTuple):
    """A list of (item, weight) for each class.

    Attributes
    ----------
    start : int32[C + 1]
        The list of class c is `item[start[c]:start[c + 1]]`.
    item : int32[], weight : int64[]
        The entries.
    """

    start: NDArray[np.int32]
    item: NDArray[np.int32]
    weight: NDArray[np.int64]


@by_reference
class InterPodTerms(NamedTuple):
    """Which counters each class reads; `C` classes.

    Attributes
    ----------
    affinity, own_anti, existing_anti
        Counters of the required terms, class by class.
    self_match : uint8[C]
        1 if a pod of the class matches all its own required affinity terms.
    scored
        Counters of the score, and the weight of each.
    """

    affinity: Ragged
    own_anti: Ragged
    existing_anti: Ragged
    self_match: NDArray[np.uint8]
    scored: Ragged


@by_reference
class SpreadColumns(NamedTuple):
    """The constraints of each class, of one kind; `C` classes, `T` constraints.

    Attributes
    ----------
    start : int32[C + 1]
        Those of class c stand at `start[c]` to `start[c + 1]`.
    counter : int32[T]
        Counter of the matching pods.
    max_skew, min_domains : int64[T]
        As in the constraint.
    itself : int64[T]
        1 if the pod matches its own selector.
    by_node : uint8[T]
        1 for the hostname key, whose domains are the nodes themselves.
    key_counter : int32[T]
        A counter over the constraint's key and all nodes, to look up domains.
    all_keys : uint8[C]
        1 if nodes that lack one of the keys are left out of the score.
    """

    start: NDArray[np.int32]
    counter: NDArray[np.int32]
    max_skew: NDArray[np.int64]
    min_domains: NDArray[np.int64]
    itself: NDArray[np.int64]
    by_node: NDArray[np.uint8]
    key_counter: NDArray[np.int32]
    all_keys: NDArray[np.uint8]


@by_reference
class SpreadTerms(NamedTuple):
    """Hard constraints, which filter, and soft ones, which score."""

    hard: SpreadColumns
    soft: SpreadColumns


def ragged(lists: Sequence[Sequence[tuple[int, int]]]) -> Ragged:
    """Return lists of pairs as flat arrays."""
    start = np.zeros(len(lists) + 1, dtype=np.int32)
    start[1:] = np.cumsum([len(entries) for entries in lists])
    flat = [entry for entries in lists for entry in entries]
    return Ragged(
        start,
        np.array([item for item, _ in flat], dtype=np.int32),
        np.array([weight for _, weight in flat], dtype=np.int64),
    )


def no_inter_pod(classes: int) -> InterPodTerms:
    """Return the columns of classes without pod affinity."""
    none = ragged([()] * classes)
    return InterPodTerms(none, none, none, np.zeros(classes, dtype=np.uint8), none)


def no_spread(classes: int) -> SpreadTerms:
    """Return the columns of classes without spread constraints."""
    none = SpreadColumns(
        start=np.zeros(classes + 1, dtype=np.int32),
        counter=np.zeros(0, dtype=np.int32),
        max_skew=np.zeros(0, dtype=np.int64),
        min_domains=np.zeros(0, dtype=np.int64),
        itself=np.zeros(0, dtype=np.int64),
        by_node=np.zeros(0, dtype=np.uint8),
        key_counter=np.zeros(0, dtype=np.int32),
        all_keys=np.zeros(classes, dtype=np.uint8),
    )
    return SpreadTerms(none, none)
