"""How much is measured: all of it, or tiny sizes that take the same path."""

from __future__ import annotations

import dataclasses

OWN = 0
"""In place of a number of classes: each pod has its own."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of everything.

    Attributes
    ----------
    quick
        Whether the sizes are the tiny ones.
    repeats
        Counted replays of a figure; `study_repeats` of a point of a study.
    timeout, check_timeout
        Seconds of wall time for a workload, and for its scan.
    nodes
        Sizes of the clusters against which cost is drawn, each with `pods_a_node`.
    scanned
        Node visits that a scan of a study may take: it gets the first pods only.
    classes
        Numbers of classes against which cost is drawn, on `cluster` nodes.
    decided
        Pods of a study of classes, or of pods on nodes.
    on_nodes
        Pods on each node before the first decision.
    grid_nodes, grid_classes
        Where `auto` is held against the other engines, `grid_pods` decisions each, and
        the fastest of `grid_repeats` replays.
    basic_pods, preemptions
        Pods of the figure with 50 classes, and preempting pods, on `cluster` nodes.
    many
        Nodes, pods and classes of the largest figure.
    """

    quick: bool
    repeats: int
    study_repeats: int
    timeout: float
    check_timeout: float
    nodes: tuple[int, ...]
    pods_a_node: int
    scanned: float
    cluster: int
    classes: tuple[int, ...]
    decided: int
    on_nodes: tuple[int, ...]
    grid_nodes: tuple[int, ...]
    grid_classes: tuple[int, ...]
    grid_pods: int
    grid_repeats: int
    basic_pods: int
    preemptions: int
    many: tuple[int, int, int]


FULL = Plan(
    quick=False,
    repeats=5,
    study_repeats=3,
    timeout=120.0,
    check_timeout=60.0,
    nodes=(1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000),
    pods_a_node=10,
    scanned=5e8,
    cluster=5_000,
    classes=(1, 10, 50, 100, 1_000, OWN),
    decided=20_000,
    on_nodes=(0, 10, 30, 60, 100),
    grid_nodes=(100, 1_000, 10_000),
    grid_classes=(1, 10, 100, 1_000, OWN),
    grid_pods=10_000,
    grid_repeats=7,
    basic_pods=50_000,
    preemptions=5_000,
    many=(100_000, 1_000_000, 100),
)
QUICK = Plan(
    quick=True,
    repeats=2,
    study_repeats=2,
    timeout=60.0,
    check_timeout=60.0,
    nodes=(20, 40, 80),
    pods_a_node=4,
    scanned=2e3,
    cluster=20,
    classes=(1, 3, OWN),
    decided=40,
    on_nodes=(0, 5),
    grid_nodes=(10, 40),
    grid_classes=(1, OWN),
    grid_pods=40,
    grid_repeats=2,
    basic_pods=60,
    preemptions=5,
    many=(60, 300, 10),
)
