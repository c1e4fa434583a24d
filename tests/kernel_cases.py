"""Every kernel of a decision with its naive twin and inputs: one table, two uses.

The tests compare kernel and twin; benchmarks may draw their inputs here too. A kernel
of `schedbench/plugins` that is neither here nor called by one that is fails a test.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import strategies
from hypothesis import strategies as st
from kernel_domains import decided, naively, neighbourhoods
from kernel_sampling import naively_sampled, sampled, walks
from naive import (
    balanced,
    best_fit,
    cycle,
    dot_prod,
    fit,
    gpu,
    gpu_packing,
    node_affinity,
    node_ports,
    taint_toleration,
)
from naive.placed import Placed
from naive.resources import allocatable, pod_requests

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.layout import ClusterState
from schedbench.cluster.state import bind, copy_state
from schedbench.objects.defaults import default_pod
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.alignment import Alignment, alignment_score
from schedbench.plugins.arithmetic import exact_divide
from schedbench.plugins.base import ScoreColumns, ScorePlugin
from schedbench.plugins.gpu_best_fit import GpuBestFit, gpu_best_fit_score
from schedbench.plugins.gpu_dot_product import GpuDotProduct, gpu_dot_product_score
from schedbench.plugins.gpu_packing import gpu_packing_score
from schedbench.plugins.gpu_share import choose_devices, free_milli, gpus_fit
from schedbench.plugins.inter_pod_affinity import (
    inter_pod_fits,
    inter_pod_normalize,
    inter_pod_score,
    inter_pod_verdict,
    scores_nothing,
)
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
from schedbench.plugins.pod_topology_spread import (
    has_soft,
    spread_fits,
    spread_normalize_counts,
    spread_score,
)
from schedbench.plugins.remaining_capacity import RemainingCapacity, remaining_score
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.profile import Profile, Tie, WeightedScore
from schedbench.scheduler.sampling import advance, sample
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

SCORED = ("cpu", "memory", "ephemeral-storage", *strategies.EXTENDED)
INT64 = np.int64


class KernelCase(NamedTuple):
    """Kernels, what they compute of an input, the same naively, and the inputs."""

    kernels: tuple[Callable[..., Any], ...]
    inputs: st.SearchStrategy[Any]
    compute: Callable[[Any], Any]
    naive: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Situation:
    """A pod to decide on, and nodes with pods on them; as objects and as columns.

    Attributes
    ----------
    cut
        Kernels are run on the nodes before it and from it on, apart.
    """

    nodes: list[Node]
    pod: Pod
    placed: dict[str, list[Placed]]
    encoded: EncodedWorkload
    state: ClusterState
    cut: int

    @property
    def pods_on(self) -> list[list[Pod]]:
        """The pods of each node."""
        return [[one.pod for one in self.on(node)] for node in self.nodes]

    @property
    def views(self) -> list[gpu.View]:
        """What the naive GPU policies see of each node."""
        return [gpu.view(node, self.on(node)) for node in self.nodes]

    @property
    def largest(self) -> tuple[int, int]:
        """The greatest cpu and the greatest free GPU milli of empty nodes."""
        idle = [gpu.view(node, []) for node in self.nodes]
        cpu, milli = max(one.cpu for one in idle), max(one.idle for one in idle)
        return cpu or 1, milli or 1

    def on(self, node: Node) -> list[Placed]:
        """Return what is placed on a node."""
        return self.placed.get(node.metadata.name, [])

    def columns(self, plugin: ScorePlugin) -> ScoreColumns:
        """Return the columns of a profile with one score."""
        profile = Profile("case", (WeightedScore(plugin),))
        return profile.columns(self.encoded.resources, self.encoded.state)

    def over_nodes(self, kernel: Callable[[int, int, np.ndarray], Any]) -> list[int]:
        """Run `kernel(low, high, out)` on two ranges and return what it wrote."""
        out = np.zeros(len(self.nodes), dtype=np.int64)
        for low, high in ((0, self.cut), (self.cut, len(out))):
            kernel(low, high, out[low:high])
        return [int(value) for value in out]


@st.composite
def situations(
    draw: st.DrawFn, *, gpus: bool = False, ports: bool = False
) -> Situation:
    """Draw a situation; nodes may hold more than they have, as after an update.

    With `ports` every pod opens some.
    """
    nodes = draw(strategies.clusters(max_size=5, gpu=gpus))
    names = [node.metadata.name for node in nodes]
    pod = draw(strategies.pods(names, gpu=gpus))
    kinds = draw(st.lists(strategies.pods(names, gpu=gpus), min_size=1, max_size=3))
    opened = st.lists(strategies.container_ports(), min_size=1, max_size=2)
    for one in (pod, *kinds) if ports else ():
        one.spec.containers[0].ports = draw(opened)
        default_pod(one)
    places = st.tuples(st.integers(1, len(kinds)), st.integers(0, len(nodes) - 1))
    encoded = encode(Workload("case", nodes, PodStream.of([pod, *kinds])))
    state = copy_state(encoded.state)
    placed: dict[str, list[Placed]] = defaultdict(list)
    for kind, slot in draw(st.lists(places, max_size=8)):
        one, on_node = kinds[kind - 1], placed[names[slot]]
        if gpu.check(one, nodes[slot], on_node):
            continue
        wanted, seen = gpu.demand(one), gpu.view(nodes[slot], on_node)
        devices = gpu.best_devices(wanted, seen)
        bits = sum(1 << device for device in devices)
        bind(state, encoded.classes, int(encoded.class_of[kind]), slot, bits, 1)
        on_node.append(Placed(one, devices))
    cut = draw(st.integers(0, len(nodes)))
    return Situation(nodes, pod, placed, encoded, state, cut)


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
        has_room = _naive_passing(fit.check)(situation)
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


def _gpu_scored(
    kernel: Callable[..., Any], plugin: type[ScorePlugin]
) -> Callable[[Situation], list[int]]:
    def compute(situation: Situation) -> list[int]:
        columns = situation.columns(plugin())
        state, classes = situation.state, situation.encoded.classes
        return situation.over_nodes(
            lambda low, high, out: kernel(state, classes, columns, 0, low, high, out)
        )

    return compute


def _naive_gpu_scored(raw: Callable[..., int]) -> Callable[[Situation], list[int]]:
    def compute(situation: Situation) -> list[int]:
        wanted = gpu.demand(situation.pod)
        return [raw(wanted, seen, situation.largest) for seen in situation.views]

    return compute


def _packing(situation: Situation) -> list[int]:
    state, classes = situation.state, situation.encoded.classes
    scores = situation.over_nodes(
        lambda low, high, out: gpu_packing_score(state, classes, 0, low, high, out)
    )
    return [scores[i] for i in _fitting(situation)]


def _naive_packing(situation: Situation) -> list[int]:
    wanted = gpu.demand(situation.pod)
    return [gpu_packing.raw(wanted, situation.views[i]) for i in _fitting(situation)]


def _fitting(situation: Situation) -> list[int]:
    """Return the slots where the pod's GPU shares fit, whatever the model."""
    wanted = gpu.demand(situation.pod)
    return [
        slot
        for slot, seen in enumerate(situation.views)
        if sum(free >= wanted.milli for free in seen.devices) >= wanted.count
    ]


def _devices(situation: Situation) -> list[int]:
    return [
        int(choose_devices(situation.state, situation.encoded.classes, 0, slot))
        for slot in _fitting(situation)
    ]


def _naive_devices(situation: Situation) -> list[int]:
    wanted, views = gpu.demand(situation.pod), situation.views
    return [
        sum(1 << device for device in gpu.best_devices(wanted, views[slot]))
        for slot in _fitting(situation)
    ]


def _passing(kernel: Callable[..., Any]) -> Callable[[Situation], list[bool]]:
    """Return where a filter kernel lets the pod pass."""

    def compute(situation: Situation) -> list[bool]:
        state, classes = situation.state, situation.encoded.classes
        bad = situation.over_nodes(
            lambda low, high, out: kernel(state, classes, 0, low, high, out)
        )
        return [value >= 0 for value in bad]

    return compute


def _naive_passing(check: Callable[..., Any]) -> Callable[[Situation], list[bool]]:
    def compute(situation: Situation) -> list[bool]:
        return [
            not check(situation.pod, node, others)
            for node, others in zip(situation.nodes, situation.pods_on, strict=True)
        ]

    return compute


def _naive_gpus_fit(situation: Situation) -> list[bool]:
    fitting = _fitting(situation)
    return [slot in fitting for slot in range(len(situation.nodes))]


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
    )


def _selected(drawn: Selection) -> int:
    total, bad = drawn.scores.columns
    return int(
        select_node(total, bad, drawn.tie, drawn.key, drawn.counter, drawn.cursor)
    )


def _naive_selected(drawn: Selection) -> int:
    best = max(drawn.scores.of_feasible(drawn.scores.raw), default=None)
    pairs = zip(drawn.scores.raw, drawn.scores.feasible, strict=True)
    tied = [slot for slot, (s, good) in enumerate(pairs) if good and s == best]
    if not tied:
        return -1
    if drawn.tie == Tie.RANDOM:
        return tied[_split_mix(drawn.key, drawn.counter, len(tied))]
    if drawn.tie == Tie.NEXT:
        return next((slot for slot in tied if slot >= drawn.cursor), tied[0])
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


def _resources(most_weight: int = 3) -> st.SearchStrategy[Any]:
    return st.tuples(situations(), weighted_resources(most_weight))


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
    "PodTopologySpread, InterPodAffinity and ImageLocality": KernelCase(
        (
            inter_pod_fits,
            inter_pod_verdict,
            inter_pod_score,
            inter_pod_normalize,
            scores_nothing,
            spread_fits,
            spread_score,
            spread_normalize_counts,
            has_soft,
        ),
        neighbourhoods(),
        decided,
        naively,
    ),
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
    "GpuBestFit score": KernelCase(
        (gpu_best_fit_score,),
        situations(gpus=True),
        _gpu_scored(gpu_best_fit_score, GpuBestFit),
        _naive_gpu_scored(best_fit.raw),
    ),
    "GpuDotProduct score": KernelCase(
        (gpu_dot_product_score,),
        situations(gpus=True),
        _gpu_scored(gpu_dot_product_score, GpuDotProduct),
        _naive_gpu_scored(dot_prod.raw),
    ),
    "GpuPacking score": KernelCase(
        (gpu_packing_score,), situations(gpus=True), _packing, _naive_packing
    ),
    "GpuShare filter": KernelCase(
        (gpus_fit,), situations(gpus=True), _passing(gpus_fit), _naive_gpus_fit
    ),
    "GpuShare devices": KernelCase(
        (choose_devices,), situations(gpus=True), _devices, _naive_devices
    ),
    "GpuShare free milli": KernelCase(
        (free_milli,),
        situations(gpus=True),
        lambda s: [int(free_milli(s.state, slot)) for slot in range(len(s.nodes))],
        lambda s: [seen.idle for seen in s.views],
    ),
    "NodePorts filter": KernelCase(
        (ports_free,),
        situations(ports=True),
        _passing(ports_free),
        _naive_passing(node_ports.check),
    ),
    "NodeResourcesFit filter": KernelCase(
        (resources_fit,),
        situations(),
        _passing(resources_fit),
        _naive_passing(fit.check),
    ),
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
    "sampling": KernelCase((sample, advance), walks(), sampled, naively_sampled),
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
