"""What every scheduling plugin says of itself, and what its kernels are given."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.nodes import NodeTable
from schedbench.jit import by_reference
from schedbench.objects.pod import Pod


class Scope(enum.Enum):
    """What a filter or a score depends on, besides the pod's class."""

    STATIC = "the node object"
    NODE = "also the node's own pods"
    DOMAIN = "also pods elsewhere in a topology domain"


class Status(NamedTuple):
    """Why a plugin rejects a node, in upstream's words.

    `unresolvable` is upstream's UnschedulableAndUnresolvable: removing pods from the
    node would not help.
    """

    reasons: tuple[str, ...]
    unresolvable: bool


class StaticVerdict(NamedTuple):
    """Which nodes a static filter rejects, and why.

    Attributes
    ----------
    code : int16[slots]
        0 = passes, else 1 + index into `reasons`.
    reasons
        The texts.
    """

    code: NDArray[np.int16]
    reasons: Sequence[str]

    @classmethod
    def of(cls, passes: NDArray[np.bool_], reason: str) -> StaticVerdict:
        """Return the verdict of a filter with a single reason."""
        return cls((~passes).astype(np.int16), (reason,))


class NodeVerdicts(NamedTuple):
    """Which of some nodes a filter rejects, and why.

    Attributes
    ----------
    code : int16[slots]
        0 = passes, else 1 + index into `statuses`.
    statuses
        The reasons of a rejection, all that hold at once, and whether evictions help.
    """

    code: NDArray[np.int16]
    statuses: Sequence[Status]

    @classmethod
    def passed(cls, count: int) -> NodeVerdicts:
        """Return the verdict of a filter that rejects none."""
        return cls(np.zeros(count, dtype=np.int16), ())

    @classmethod
    def of(
        cls, rejects: NDArray[np.bool_], reason: str, *, unresolvable: bool
    ) -> NodeVerdicts:
        """Return the verdict of a filter with a single reason."""
        return cls(rejects.astype(np.int16), (Status((reason,), unresolvable),))


class ClusterView(NamedTuple):
    """What a plugin may read to explain itself."""

    state: ClusterState
    classes: PodClasses
    resources: Sequence[str]
    nodes: NodeTable
    class_pods: Sequence[Pod]


class Plugin:
    """A scheduling plugin: filters, scores, or both.

    `filter_scope` and `score_scope` are None where the plugin has no such part.
    What a filter decides by node objects is `static_filter`, over columns of nodes;
    what it decides by pods on the node is a kernel that `scheduler/feasible.py` calls,
    retold with its reasons by `verdicts`. A score is a kernel that `scheduler/score.py`
    calls by `kind`.
    """

    name: ClassVar[str]
    filter_scope: ClassVar[Scope | None] = None
    score_scope: ClassVar[Scope | None] = None

    def static_filter(self, pod: Pod, nodes: NodeTable, slots: slice) -> StaticVerdict:
        """Return which nodes pass, by the node object alone; by default all do."""
        count = len(range(*slots.indices(len(nodes))))
        return StaticVerdict(np.zeros(count, dtype=np.int16), ())

    def verdicts(
        self, view: ClusterView, pod_class: int, slots: NDArray[np.int64]
    ) -> NodeVerdicts:
        """Return which nodes the pods on them make the plugin reject; here none.

        Parameters
        ----------
        slots : int64[]
            The nodes that are asked about; one code each.
        """
        return NodeVerdicts.passed(len(slots))


class ScoreKind(enum.IntEnum):
    """The numbers by which compiled code tells the score kernels apart."""

    TAINT_TOLERATION = 0
    NODE_AFFINITY = 1
    LEAST_ALLOCATED = 2
    MOST_ALLOCATED = 3
    REQUESTED_TO_CAPACITY_RATIO = 4
    BALANCED_ALLOCATION = 5
    REMAINING_CAPACITY = 6
    ALIGNMENT = 7
    GPU_BEST_FIT = 8
    GPU_DOT_PRODUCT = 9
    GPU_PACKING = 10
    CUSTOM = 11
    INTER_POD_AFFINITY = 12
    POD_TOPOLOGY_SPREAD = 13
    IMAGE_LOCALITY = 14
    GPU_CLUSTERING = 15
    GPU_FRAGMENTATION = 16


@by_reference
class TargetColumns(NamedTuple):
    """The target workload, against which fragmentation is measured, and a memory.

    `J` typical pods, `N` node slots, `G` GPU devices, `C` pod classes, `D` demands.

    Attributes
    ----------
    cpu, milli, count : int64[J]
        Millicores, milli-GPU on each device and devices of each typical pod.
    popularity : float64[J]
        Its share of the workload.
    access : uint8[J, N]
        1 where the node's GPUs are of an acceptable model.
    demand : int64[C]
        The row of `rated` of a class; −1 where nothing is remembered for it.
    seen : int64[N, 1 + G]
        Free cpu and free milli of each device when the node was looked at last.
    version : int64[N]
        How often they were others than before.
    fragments : float64[N]
        F of the node in that state.
    rated : int64[D, N]
        Version × 128 + score of the node when the demand was scored last.
    free : int64[G]
        A device each, for the state that a score supposes.
    """

    cpu: NDArray[np.int64]
    milli: NDArray[np.int64]
    count: NDArray[np.int64]
    popularity: NDArray[np.float64]
    access: NDArray[np.uint8]
    demand: NDArray[np.int64]
    seen: NDArray[np.int64]
    version: NDArray[np.int64]
    fragments: NDArray[np.float64]
    rated: NDArray[np.int64]
    free: NDArray[np.int64]


def no_target() -> TargetColumns:
    """Return the columns of a profile that does not look at fragmentation."""
    line, table = np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.int64)
    numbers = np.zeros(0, dtype=np.float64)
    return TargetColumns(
        cpu=line,
        milli=line,
        count=line,
        popularity=numbers,
        access=np.zeros((0, 0), dtype=np.uint8),
        demand=line,
        seen=table,
        version=line,
        fragments=numbers,
        rated=table,
        free=line,
    )


@by_reference
class ScoreColumns(NamedTuple):
    """The scores of a profile, as kernels read them: `K` scores, `M` resources.

    Attributes
    ----------
    kind : int64[K]
        A `ScoreKind`.
    weight : int64[K]
        Weight of the normalized score in the total.
    rows : int64[K, M]
        Resource rows that the score looks at, in the order of its configuration.
    row_weight : int64[K, M]
        Their weights.
    row_count : int64[K]
        How many of them there are.
    shape : int64[K, 2, X]
        Utilization and score of the points of a shape.
    shape_count : int64[K]
        How many points there are.
    largest : float64[R]
        The largest allocatable of any node, per resource; 1 where none has any.
    largest_gpu
        The most GPU milli of any node; 1 where none has any.
    target
        What GpuFragmentation reads and remembers; empty arrays without it.
    """

    kind: NDArray[np.int64]
    weight: NDArray[np.int64]
    rows: NDArray[np.int64]
    row_weight: NDArray[np.int64]
    row_count: NDArray[np.int64]
    shape: NDArray[np.int64]
    shape_count: NDArray[np.int64]
    largest: NDArray[np.float64]
    largest_gpu: float
    target: TargetColumns


class ScorePlugin(Plugin):
    """A plugin with a score, configured.

    Attributes
    ----------
    kind
        Its kernel.
    resources
        Names and weights of the resources it looks at.
    shape
        Points (utilization in percent, score), where the score is a shape.
    """

    kind: int
    resources: Sequence[tuple[str, int]] = ()
    shape: Sequence[tuple[int, int]] = ()
