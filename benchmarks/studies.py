"""How the cost of a decision grows: with nodes, classes and pods; and which engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measure import Generated, Job, Measured
from benchmarks.plan import OWN, Plan

if TYPE_CHECKING:
    from schedbench.simulation.replay import Engine

NODES, CLASSES, PODS, ENGINES = "nodes", "classes", "pods-per-node", "engines"
CHURN = {"arrivals only": "basic", "one leaves for each that comes": "churning"}
"""What happens in the study of engines → the function of `cases.py`."""
OF_INTEREST: tuple[Engine, ...] = ("scan", "indexed", "auto")
ON_EACH = 5
"""Pods a node has in the study of engines, once one leaves for each that comes."""


def against_nodes(plan: Plan, engine: Engine) -> Iterator[Job]:
    """Yield clusters of growing size, with pods of one class for each node.

    A scan gets as many of the first pods as it may visit nodes; `auto` tells the
    digest of the same ones.
    """
    for nodes in plan.nodes:
        pods = nodes * plan.pods_a_node
        scanned = min(pods, max(int(plan.scanned // nodes), 1))
        made = pods if engine == "auto" else scanned
        yield Job(
            NODES,
            f"{nodes:,} nodes",
            Generated("basic", {"nodes": nodes, "pods": made}),
            engine=engine,
            repeats=plan.study_repeats,
            first=scanned,
            timeout=plan.timeout,
        )


def against_classes(plan: Plan, engine: Engine) -> Iterator[Job]:
    """Yield the same pods in more and more classes, the last time each its own."""
    for classes in plan.classes:
        sizes = {"nodes": plan.cluster, "pods": plan.decided}
        yield Job(
            CLASSES,
            _classes(classes),
            Generated("basic", sizes | {"classes": classes or plan.decided}),
            engine=engine,
            repeats=plan.study_repeats,
            timeout=plan.timeout,
        )


def against_pods(plan: Plan, engine: Engine) -> Iterator[Job]:
    """Yield nodes with more and more pods on them before the first decision."""
    for on_each in plan.on_nodes:
        sizes = {"nodes": plan.cluster, "pods": plan.decided, "on_each": on_each}
        yield Job(
            PODS,
            f"{on_each} pods on each node",
            Generated("occupied", sizes),
            engine=engine,
            repeats=plan.study_repeats,
            timeout=plan.timeout,
        )


def engines(plan: Plan) -> Iterator[Job]:
    """Yield each point of classes × nodes × churn by each engine, engines in turns."""
    for churn, case in CHURN.items():
        for nodes in plan.grid_nodes:
            for classes in plan.grid_classes:
                pods = min(plan.grid_pods, 10 * nodes)
                if classes >= pods:
                    continue  # each pod its own: the last point
                sizes: dict[str, float] = {
                    "nodes": nodes,
                    "pods": pods,
                    "classes": classes or pods,
                }
                if case == "churning":
                    sizes["on_each"] = min(ON_EACH, pods / nodes / 2)
                for engine in OF_INTEREST:
                    yield Job(
                        ENGINES,
                        f"{churn}, {nodes:,} nodes, {_classes(classes)}",
                        Generated(case, sizes),
                        engine=engine,
                        repeats=plan.grid_repeats,
                        timeout=plan.timeout / 4,
                    )


def _classes(classes: int) -> str:
    if classes == OWN:
        return "each pod its own class"
    return "1 class" if classes == 1 else f"{classes:,} classes"


class Fit(NamedTuple):
    """A power law through points: value = factor · size ^ exponent.

    `worst` is the largest factor by which a point is off it.
    """

    exponent: float
    factor: float
    worst: float

    def at(self, size: float) -> float:
        """Return the value that the law gives for a size."""
        return float(self.factor * size**self.exponent)


def fit(sizes: Sequence[float], values: Sequence[float]) -> Fit | None:
    """Return the least-squares line through logarithms; None of a single size."""
    if len(set(sizes)) < 2:
        return None
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in values]
    middle, level = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - middle) ** 2 for one in x)
    across = sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True))
    exponent = across / spread
    factor = math.exp(level - exponent * middle)
    law = Fit(exponent, factor, 1.0)
    pairs = zip(sizes, values, strict=True)
    off = max(abs(math.log(value / law.at(size))) for size, value in pairs)
    return law._replace(worst=math.exp(off))


def growth(measured: Iterable[Measured], engine: str = "auto") -> Fit | None:
    """Return how microseconds a decision grow with nodes."""
    points = [
        (one.nodes, one.decision_us)
        for one in measured
        if one.study == NODES and one.engine == engine and one.decision_us
    ]
    return fit([nodes for nodes, _ in points], [cost for _, cost in points])


class Choice(NamedTuple):
    """How long `auto` takes beside the better of the others: 1.1 is 10 % longer."""

    name: str
    nodes: int
    scan: float
    indexed: float
    auto: float

    @property
    def ratio(self) -> float:
        """Time of `auto` ÷ time of the better of both."""
        return self.auto / min(self.scan, self.indexed)


def choices(measured: Iterable[Measured]) -> list[Choice]:
    """Return the points of the study of engines that all three engines played."""
    points: dict[str, dict[str, Measured]] = {}
    for one in measured:
        if one.study == ENGINES and one.decision_us:
            points.setdefault(one.name, {})[one.engine] = one
    return [
        Choice(
            name,
            found["auto"].nodes,
            *(_best_us(found[engine]) for engine in ("scan", "indexed", "auto")),
        )
        for name, found in points.items()
        if len(found) == 3
    ]


def _best_us(one: Measured) -> float:
    """Return the least microseconds a decision: noise only ever adds."""
    return 1e6 / max(one.rates)
