"""Kernels about resources and host ports."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import strategies
from hypothesis import strategies as st
from naive import balanced, fit, node_ports
from naive.resources import allocatable, pod_requests

from kernel_cases.situation import (
    KernelCase,
    Situation,
    naive_passing,
    passing,
    situations,
)
from schedbench.objects.node import Node
from schedbench.plugins.alignment import Alignment, alignment_score
from schedbench.plugins.base import ScorePlugin
from schedbench.plugins.node_ports import ports_free
from schedbench.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
    balanced_score,
    requests_none,
)
from schedbench.plugins.node_resources_fit import (
    NodeResourcesFit,
    fit_score,
    resources_fit,
)
from schedbench.plugins.remaining_capacity import RemainingCapacity, remaining_score

SCORED = ("cpu", "memory", "ephemeral-storage", *strategies.EXTENDED)


@st.composite
def weighted_resources(
    draw: st.DrawFn, most_weight: int = 3
) -> tuple[tuple[str, int], ...]:
    """Draw distinct resources, at least one, with weights."""
    names = draw(st.lists(st.sampled_from(SCORED), min_size=1, unique=True))
    return tuple((name, draw(st.integers(1, most_weight))) for name in names)


@st.composite
def fit_strategies(draw: st.DrawFn) -> fit.Strategy:
    """Draw a scoring strategy; shapes may fall, rise and stay."""
    kinds = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
    kind = draw(st.sampled_from(kinds))
    shape: tuple[tuple[int, int], ...] = ()
    if kind == "RequestedToCapacityRatio":
        percents = st.lists(st.integers(0, 100), min_size=1, max_size=5, unique=True)
        shape = tuple((p, draw(st.integers(0, 10))) for p in sorted(draw(percents)))
    return fit.Strategy(kind, draw(weighted_resources()), shape)


def _fit(drawn: tuple[Situation, fit.Strategy]) -> list[int]:
    situation, strategy = drawn
    plugin = NodeResourcesFit(strategy.type, strategy.resources, strategy.shape)
    columns = situation.columns(plugin)
    return situation.over_nodes(
        lambda low, high, out: fit_score(
            situation.state,
            situation.encoded.classes,
            columns,
            0,
            0,
            low,
            high,
            out,
            np.full(high - low, 77),
        )
    )


def _naive_fit(drawn: tuple[Situation, fit.Strategy]) -> list[int]:
    situation, strategy = drawn
    return fit.raw(situation.pod, situation.nodes, situation.pods_on, strategy)


def _scored(
    kernel: Callable[..., Any], plugin: Callable[..., ScorePlugin]
) -> Callable[[tuple[Situation, Any]], list[int]]:
    """Return what a kernel over weighted resources scores."""

    def compute(drawn: tuple[Situation, Any]) -> list[int]:
        situation, resources = drawn
        columns = situation.columns(plugin(resources))
        state, classes = situation.state, situation.encoded.classes
        return situation.over_nodes(
            lambda low, high, out: kernel(state, classes, columns, 0, 0, low, high, out)
        )

    return compute


def _balanced(drawn: tuple[Situation, Any]) -> list[int] | None:
    situation, resources = drawn
    columns = situation.columns(NodeResourcesBalancedAllocation(resources))
    if requests_none(situation.encoded.classes, columns, 0, 0):
        return None
    return _scored(balanced_score, NodeResourcesBalancedAllocation)(drawn)


def _naive_balanced(drawn: tuple[Situation, Any]) -> list[int] | None:
    situation, resources = drawn
    names = tuple(name for name, _ in resources)
    return balanced.raw(situation.pod, situation.nodes, situation.pods_on, names)


def _free(situation: Situation, node: Node, name: str) -> int:
    used = sum(pod_requests(one.pod).get(name, 0) for one in situation.on(node))
    return allocatable(node).get(name, 0) - used


def _known(drawn: tuple[Situation, Any]) -> list[tuple[str, int, int, int]]:
    """Return name, weight, request and largest of resources that anything has."""
    situation, resources = drawn
    return [
        (
            name,
            weight,
            pod_requests(situation.pod).get(name, 0),
            max(allocatable(node).get(name, 0) for node in situation.nodes) or 1,
        )
        for name, weight in resources
        if name in situation.encoded.resources
    ]


def _where_it_fits(
    compute: Callable[[tuple[Situation, Any]], list[int]],
) -> Callable[[tuple[Situation, Any]], list[int]]:
    """Keep the scores of nodes with room: of others these scores mean nothing."""

    def scores_with_room(drawn: tuple[Situation, Any]) -> list[int]:
        situation = drawn[0]
        has_room = naive_passing(fit.check)(situation)
        return list(itertools.compress(compute(drawn), has_room))

    return scores_with_room


def _naive_alignment(drawn: tuple[Situation, Any]) -> list[int]:
    scores = []
    for node in drawn[0].nodes:
        product = 0.0
        for name, weight, request, largest in _known(drawn):
            free = _free(drawn[0], node, name)
            product += weight * ((request / largest) * (free / largest))
        scores.append(int(1_000_000 * product))
    return scores


def _naive_remaining(drawn: tuple[Situation, Any]) -> list[int]:
    scores = []
    for node in drawn[0].nodes:
        left, weights = 0.0, 0
        for name, weight, request, largest in _known(drawn):
            left += weight * ((_free(drawn[0], node, name) - request) / largest)
            weights += weight
        scores.append(int(1_000_000 * (1.0 - left / weights)))
    return scores


def _resources(most_weight: int = 3) -> st.SearchStrategy[Any]:
    return st.tuples(situations(), weighted_resources(most_weight))


CASES = {
    "NodeResourcesFit score": KernelCase(
        (fit_score,), st.tuples(situations(), fit_strategies()), _fit, _naive_fit
    ),
    "NodeResourcesBalancedAllocation score": KernelCase(
        (balanced_score, requests_none), _resources(1), _balanced, _naive_balanced
    ),
    "NodeResourcesBalancedAllocation of cpu and memory": KernelCase(
        (balanced_score,),
        st.tuples(situations(), st.just((("cpu", 1), ("memory", 1)))),
        _balanced,
        _naive_balanced,
    ),
    "Alignment score": KernelCase(
        (alignment_score,),
        _resources(),
        _where_it_fits(_scored(alignment_score, Alignment)),
        _where_it_fits(_naive_alignment),
    ),
    "RemainingCapacity score": KernelCase(
        (remaining_score,),
        _resources().filter(_known),
        _where_it_fits(_scored(remaining_score, RemainingCapacity)),
        _where_it_fits(_naive_remaining),
    ),
    "NodePorts filter": KernelCase(
        (ports_free,),
        situations(ports=True),
        passing(ports_free),
        naive_passing(node_ports.check),
    ),
    "NodeResourcesFit filter": KernelCase(
        (resources_fit,),
        situations(),
        passing(resources_fit),
        naive_passing(fit.check),
    ),
}
