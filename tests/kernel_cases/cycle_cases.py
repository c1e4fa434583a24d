"""Kernels of the cycle: all filters, normalization, the choice of a node."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from naive import best_fit, cycle, node_affinity, taint_toleration

from kernel_cases.situation import INT64, KernelCase, Situation, situations
from schedbench.plugins.arithmetic import exact_divide
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.profile import Profile, Tie
from schedbench.scheduler.score import (
    add_weighted,
    default_normalize,
    make_scratch,
    order_floats,
    spread_normalize,
)
from schedbench.scheduler.select import draw as draw_tie
from schedbench.scheduler.select import select_node
from schedbench.scheduler.session import Session


def _feasible(situation: Situation) -> list[bool]:
    compiled = Session(situation.encoded, Profile("case"), 0).compiled
    bad = situation.over_nodes(
        lambda low, high, out: mark_infeasible(
            situation.state,
            compiled.classes,
            compiled.static,
            compiled.switches,
            0,
            low,
            high,
            out,
        )
    )
    return [value >= 0 for value in bad]


def _naive_feasible(situation: Situation) -> list[bool]:
    return [
        cycle.refusal(situation.pod, node, situation.on(node)) is None
        for node in situation.nodes
    ]


class Scores(NamedTuple):
    """Raw scores of nodes, and which of the nodes are feasible."""

    raw: list[int]
    feasible: list[bool]
    reverse: bool

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """The scores and, as kernels mark it, negative numbers where infeasible."""
        bad = [0 if good else -3 for good in self.feasible]
        return np.array(self.raw, dtype=INT64), np.array(bad, dtype=INT64)

    def of_feasible(self, scores: Any) -> list[int]:
        """Return the entries of the feasible nodes."""
        return [int(s) for s, good in zip(scores, self.feasible, strict=True) if good]


@st.composite
def raw_scores(draw: st.DrawFn, low: int = 0, high: int = 1000) -> Scores:
    """Draw scores of at least one node; all, some or none are feasible."""
    some = st.integers(low, high) | st.sampled_from((low, 0, high))
    raw = draw(st.lists(some, min_size=1, max_size=9))
    mask = st.lists(st.booleans(), min_size=len(raw), max_size=len(raw))
    return Scores(raw, draw(mask), draw(st.booleans()))


def _default_normalized(drawn: Scores) -> list[int]:
    score, bad = drawn.columns
    default_normalize(score, bad, drawn.reverse)
    return drawn.of_feasible(score)


def _naive_default_normalized(drawn: Scores) -> list[int]:
    module = taint_toleration if drawn.reverse else node_affinity
    return module.normalize(drawn.of_feasible(drawn.raw))


def _spread(drawn: Scores) -> list[int]:
    score, bad = drawn.columns
    spread_normalize(score, bad)
    return drawn.of_feasible(score)


def _naive_spread(drawn: Scores) -> list[int]:
    scores = drawn.of_feasible(drawn.raw)
    return best_fit.normalize(scores) if scores else []


class Selection(NamedTuple):
    """Totals, a tie rule, and what it needs."""

    scores: Scores
    tie: Tie
    key: int
    counter: int
    cursor: int
    order: list[int]


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """Draw totals with many ties."""
    scores = draw(raw_scores(-2, 2))
    return Selection(
        scores,
        draw(st.sampled_from(Tie)),
        draw(st.integers(-(2**63), 2**63 - 1)),
        draw(st.integers(0, 10**6)),
        draw(st.integers(0, len(scores.raw) - 1)),
        draw(st.just([]) | st.permutations(range(len(scores.raw)))),
    )


def _selected(drawn: Selection) -> int:
    total, bad = drawn.scores.columns
    order = np.array(drawn.order, dtype=np.int32)
    return int(
        select_node(
            total, bad, drawn.tie, drawn.key, drawn.counter, drawn.cursor, order
        )
    )


def _naive_selected(drawn: Selection) -> int:
    best = max(drawn.scores.of_feasible(drawn.scores.raw), default=None)
    pairs = zip(drawn.scores.raw, drawn.scores.feasible, strict=True)
    tied = [slot for slot, (s, good) in enumerate(pairs) if good and s == best]
    if not tied:
        return -1
    if drawn.tie == Tie.NEXT:
        return next((slot for slot in tied if slot >= drawn.cursor), tied[0])
    if drawn.tie == Tie.RANDOM:
        tied = [slot for slot in drawn.order if slot in tied] or tied
        return tied[_split_mix(drawn.key, drawn.counter, len(tied))]
    return tied[0]


def _split_mix(key: int, counter: int, bound: int) -> int:
    """Return the upper half of SplitMix64 at a position, scaled to a bound."""
    z = (key + 0x9E3779B97F4A7C15 * (counter + 1)) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    z ^= z >> 31
    return (z >> 32) * bound >> 32


def _float_order(floats: list[float]) -> list[tuple[bool, bool]]:
    scratch = make_scratch(len(floats))
    scratch.custom[:] = floats
    order_floats(scratch)
    keys = [int(key) for key in scratch.score]
    return [(a < b, a == b) for a in keys for b in keys]


def _weighted(drawn: tuple[Scores, int]) -> list[int]:
    score, total = drawn[0].columns
    add_weighted(total, drawn[1], score)
    return [int(value) for value in total]


_DIVISIONS = st.tuples(
    st.integers(0, 2**63 - 1) | st.integers(0, 1000), st.integers(1, 2**53)
).filter(lambda pair: pair[0] // pair[1] < 2**51)


_NEAR_MULTIPLES = st.builds(
    lambda quotient, denominator, off: (quotient * denominator + off, denominator),
    st.integers(2**12, 2**20),
    st.integers(2**41, 2**42),
    st.integers(-2, 2),
)


_DRAWS = st.tuples(
    st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**62), st.integers(1, 10**6)
)


_FLOATS = st.lists(st.floats(allow_nan=False), max_size=8)


CASES = {
    "all filters": KernelCase(
        (mark_infeasible,), situations(gpus=True), _feasible, _naive_feasible
    ),
    "default normalization": KernelCase(
        (default_normalize,),
        raw_scores(),
        _default_normalized,
        _naive_default_normalized,
    ),
    "spread normalization": KernelCase(
        (spread_normalize,), raw_scores(-1000), _spread, _naive_spread
    ),
    "weighted sum": KernelCase(
        (add_weighted,),
        st.tuples(raw_scores(-1000), st.integers(-5, 5)),
        _weighted,
        lambda drawn: [
            bad + drawn[1] * raw
            for raw, bad in zip(*map(list, drawn[0].columns), strict=True)
        ],
    ),
    "selection": KernelCase((select_node,), selections(), _selected, _naive_selected),
    "division": KernelCase(
        (exact_divide,),
        _DIVISIONS | _NEAR_MULTIPLES,
        lambda pair: int(exact_divide(*pair)),
        lambda pair: pair[0] // pair[1],
    ),
    "tie draw": KernelCase(
        (draw_tie,),
        _DRAWS,
        lambda drawn: int(draw_tie(*drawn)),
        lambda drawn: _split_mix(*drawn),
    ),
    "order of floats": KernelCase(
        (order_floats,),
        _FLOATS,
        _float_order,
        lambda floats: [(a < b, a == b) for a in floats for b in floats],
    ),
}
