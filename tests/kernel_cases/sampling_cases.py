"""Draws lists of nodes to sample from; the sampling kernels and their twin on them."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st
from naive import sampling as naive_sampling

from kernel_cases.situation import KernelCase
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.node import Node
from schedbench.scheduler.sampling import UNSEEN, NodeWalk, advance, sample
from schedbench.scheduler.score import make_scratch


@dataclasses.dataclass(frozen=True)
class Walk:
    """A list of slots, which of them are feasible, and who names some of them."""

    order: list[int]
    feasible: frozenset[int]
    named: frozenset[int] | None
    start: int
    percentage: int


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """Draw lists that are longer and shorter than the least sample."""
    count = draw(st.integers(1, 99) | st.integers(100, 600))
    random = draw(st.randoms(use_true_random=False))
    order = random.sample(range(count + 5), count)
    share = draw(st.sampled_from((0.0, 0.2, 0.5, 0.9, 1.0)))
    naming = draw(st.sampled_from((None, None, 0.01, 0.9)))
    return Walk(
        order,
        frozenset(slot for slot in order if random.random() < share),
        None
        if naming is None
        else frozenset(slot for slot in range(count + 5) if random.random() < naming),
        draw(st.integers(0, 2 * count)),
        draw(st.sampled_from((0, 5, 30, 70, 100))),
    )


def sampled(drawn: Walk) -> tuple[list[int], int, int]:
    """Return the nodes kept, how many were looked at, and the next start."""
    walk = NodeWalk(len(drawn.order) + 5)
    for slot in drawn.order:
        walk.add(slot, Node(metadata=ObjectMeta(name=str(slot))))
    walk.look()
    named = [None if drawn.named is None else sorted(drawn.named)]
    columns = walk.sampling(drawn.percentage, named)
    columns.start[0] = drawn.start
    scratch = make_scratch(len(drawn.order) + 5)
    open_to = drawn.feasible if drawn.named is None else drawn.feasible & drawn.named
    scratch.bad[:] = -1
    scratch.bad[sorted(open_to)] = 0
    sample(columns, 0, scratch)
    advance(columns)
    unseen = int(np.count_nonzero(scratch.bad == UNSEEN))
    kept = [slot for slot in drawn.order if scratch.bad[slot] >= 0]
    evaluated = int(columns.evaluated[0])
    named_count = (
        len(drawn.order) if drawn.named is None else len(drawn.named & set(drawn.order))
    )
    assert unseen == named_count - evaluated
    return kept, evaluated, int(columns.start[0])


def naively_sampled(drawn: Walk) -> tuple[list[int], int, int]:
    """Return the same by names."""
    names = [
        str(slot) for slot in drawn.order if drawn.named is None or slot in drawn.named
    ]
    feasible = {str(slot) for slot in drawn.feasible}
    found, seen = naive_sampling.kept(names, feasible, drawn.start, drawn.percentage)
    kept = [slot for slot in drawn.order if str(slot) in found]
    return kept, seen, (drawn.start + seen) % len(drawn.order)


CASES = {
    "sampling": KernelCase((sample, advance), walks(), sampled, naively_sampled),
}
