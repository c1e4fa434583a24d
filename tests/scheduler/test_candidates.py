"""Which candidates preemption finds, against a plain walk over the nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schedbench.scheduler.candidates import (
    WORD,
    Walk,
    find_candidates,
    nth_least,
    read_walk,
)
from schedbench.scheduler.questions import make_rates
from schedbench.scheduler.victims import CANDIDATE, NOT_TRIED, TRIED, Rates

VERDICT = 3
"""Of a node where evictions do not help."""


def naive(
    after: Sequence[int],
    rules: Sequence[tuple[int, ...]],
    order: Sequence[int],
    start: int,
    enough: int,
) -> tuple[list[int], list[int]]:
    """Return the candidates that are found, and those that nothing tells apart."""
    tried = [slot for slot in order if after[slot] != NOT_TRIED]
    found: list[int] = []
    for slot in tried[start:] + tried[:start]:
        if len(found) >= enough and any(rules[one][0] == 0 for one in found):
            break
        if after[slot] == CANDIDATE:
            found.append(slot)
    least = min((rules[slot] for slot in found), default=None)
    return found, [slot for slot in found if rules[slot] == least]


def rated(after: Sequence[int], rules: Sequence[tuple[int, ...]]) -> Rates:
    """Return what is known of nodes."""
    rates = make_rates(len(after), 5)
    rates.after[:] = after
    rates.rules[:] = rules
    rates.tally[TRIED] = sum(one != NOT_TRIED for one in after)
    return rates


def walk_of(order: Sequence[int], nodes: int) -> Walk:
    """Return an order of nodes, whose words are not read yet."""
    words = np.full((2, -(-len(order) // WORD)), -1)
    place = np.zeros(nodes, dtype=np.int32)
    return Walk(np.array(order, dtype=np.int32), place, *words)


@given(data=st.data())
def test_candidates_equal_those_of_a_plain_walk(data: st.DataObject) -> None:
    """From any start, in any order, also where all break a disruption budget."""
    nodes = data.draw(st.integers(1, 200))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    weights = data.draw(st.sampled_from(((1, 0, 0), (1, 1, 0), (1, 2, 6), (9, 1, 1))))
    odds = np.array(weights) / sum(weights)
    after = rng.choice([CANDIDATE, VERDICT, NOT_TRIED], nodes, p=odds)
    most = data.draw(st.sampled_from((1, 2, 3)))
    rules = rng.integers(0, most, (nodes, 5)) - rng.integers(0, 2)
    rules[:, 0] = abs(rules[:, 0])
    order = rng.permutation(nodes) if data.draw(st.booleans()) else np.arange(nodes)
    order = order[after[order] != NOT_TRIED] if data.draw(st.booleans()) else order
    tried = int((after[order] != NOT_TRIED).sum())
    start = data.draw(st.integers(0, max(tried - 1, 0)))
    enough = data.draw(st.integers(1, nodes))
    rates, walk = rated(after, rules), walk_of(order, nodes)
    found = np.zeros((2, nodes), dtype=np.int64)
    plain = [tuple(one) for one in rules.tolist()]
    expected = naive(after.tolist(), plain, order.tolist(), start, enough)
    if not tried:
        return

    read_walk(rates, walk)
    count, tied = find_candidates(rates, walk, start, enough, found)

    assert (found[0, :count].tolist(), found[1, :tied].tolist()) == expected


@given(
    values=st.lists(st.integers(0, 300), min_size=1, max_size=80, unique=True),
    turned=st.booleans(),
    data=st.data(),
)
def test_the_nth_least_is_that_of_the_sorted(
    values: list[int], turned: bool, data: st.DataObject
) -> None:
    """Also where the values are in order but for where they begin."""
    if turned:
        begin = data.draw(st.integers(0, len(values) - 1))
        values = sorted(values)[begin:] + sorted(values)[:begin]
    n = data.draw(st.integers(0, len(values) - 1))
    more = np.array([*values, -1, -2], dtype=np.int64)

    assert nth_least(more, len(values), n) == sorted(values)[n]
