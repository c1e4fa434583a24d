"""What a kernel sees: few, wide, C-contiguous arrays, resource-major.

`R` resources, `N` node slots, `C` pod classes, `S` static rows (classes that agree
in all that a node object alone decides), `P` host port triplets, `G` GPU devices, `A`
ways to ask for GPUs.
Quantities are int64: millicores, bytes or counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.terms import InterPodTerms, SpreadTerms
from schedbench.jit import by_reference

CPU = 0
MEMORY = 1
EPHEMERAL_STORAGE = 2
PODS = 3
FIRST_EXTENDED = 4
BASE_RESOURCES = ("cpu", "memory", "ephemeral-storage", "pods")

GPU_DEVICE_MILLI = 1000
MAX_GPU_DEVICES = 63
NO_DEVICE = -1
NO_TAG = -1
NO_COUNT = 2**31 - 1
"""The least count of a spread constraint for which no domain counts."""


@by_reference
class DomainState(NamedTuple):
    """Counts of pods per topology domain: `K` counters, `D` keys, `M` node masks.

    Attributes
    ----------
    domain : int32[D, N]
        Id of the node's value of a topology key, −1 without the label.
    key, mask : int32[K]
        Key and mask of each counter.
    eligible : uint8[M, N]
        1 for the nodes whose pods count.
    start : int32[K + 1]
        The domains of counter k are `counts[start[k]:start[k + 1]]`.
    counts : int64[]
        Summed weights of the pods on eligible nodes of each domain.
    present : int64[]
        Eligible nodes of each domain that are in the cluster.
    total : int64[K]
        Sum of each counter's counts.
    ranked : uint8[K]
        1 for the counters whose least count is kept.
    least, least_times, found : int64[K]
        Of those: the least count of the domains that have eligible nodes, `NO_COUNT`
        if there are none, how many of them have it, and how many there are.
    """

    domain: NDArray[np.int32]
    key: NDArray[np.int32]
    mask: NDArray[np.int32]
    eligible: NDArray[np.uint8]
    start: NDArray[np.int32]
    counts: NDArray[np.int64]
    present: NDArray[np.int64]
    total: NDArray[np.int64]
    ranked: NDArray[np.uint8]
    least: NDArray[np.int64]
    least_times: NDArray[np.int64]
    found: NDArray[np.int64]


@by_reference
class ClusterState(NamedTuple):
    """The nodes and what runs on them; the only arrays that decisions change.

    Attributes
    ----------
    alive : uint8[N]
        1 for a node that is in the cluster.
    allocatable : int64[R, N]
        What pods may request in all; row `PODS` is the pod limit.
    requested : int64[R, N]
        What the node's pods request; row `PODS` counts them.
    nonzero : int64[2, N]
        Requested cpu and memory with upstream's defaults for absent requests.
    port_used : int32[P, N]
        Pods on the node that use the host port triplet.
    gpu_free : int64[G, N]
        Free milli of each GPU device, `NO_DEVICE` where there is none.
    gpu_tags : int32[A, N]
        Pods on the node that ask for GPUs in each way: for a share of a device, or for
        a number of whole ones.
    domains
        Counts of pods per topology domain.
    """

    alive: NDArray[np.uint8]
    allocatable: NDArray[np.int64]
    requested: NDArray[np.int64]
    nonzero: NDArray[np.int64]
    port_used: NDArray[np.int32]
    gpu_free: NDArray[np.int64]
    gpu_tags: NDArray[np.int32]
    domains: DomainState


@by_reference
class PodClasses(NamedTuple):
    """What the classes of pods ask for; constant during a run.

    Attributes
    ----------
    request : int64[C, R]
        Requests; 1 in row `PODS`.
    rows : int32[], row_start : int32[C + 1]
        Resource rows that class c requests: `rows[row_start[c]:row_start[c+1]]`.
    fit_rows : int32[], fit_start : int32[C + 1]
        Those of them that must fit.
    nonzero : int64[C, 2]
        cpu and memory with upstream's defaults for absent requests.
    nonzero_bound : int64[C, 2]
        The same as upstream counts it once the pod is on a node.
    static_row : int32[C]
        Row of the class in the static tables.
    ports : int32[], port_start : int32[C + 1]
        Triplets that the pods of class c hold: `ports[port_start[c]:port_start[c+1]]`.
    conflicts : int32[], conflict_start : int32[C + 1]
        Triplets that must be free on the node, likewise.
    gpu_count, gpu_milli : int64[C]
        GPU devices and milli of each; 0 for none.
    gpu_tag : int32[C]
        The way in which the class asks for GPUs, `NO_TAG` if it asks for none.
    adds : int32[], add_weight : int64[], add_start : int32[C + 1]
        Domain counters to which a bound pod of class c adds, and how much.
    inter_pod, spread
        Which counters the classes read.
    """

    request: NDArray[np.int64]
    rows: NDArray[np.int32]
    row_start: NDArray[np.int32]
    fit_rows: NDArray[np.int32]
    fit_start: NDArray[np.int32]
    nonzero: NDArray[np.int64]
    nonzero_bound: NDArray[np.int64]
    static_row: NDArray[np.int32]
    ports: NDArray[np.int32]
    port_start: NDArray[np.int32]
    conflicts: NDArray[np.int32]
    conflict_start: NDArray[np.int32]
    gpu_count: NDArray[np.int64]
    gpu_milli: NDArray[np.int64]
    gpu_tag: NDArray[np.int32]
    adds: NDArray[np.int32]
    add_weight: NDArray[np.int64]
    add_start: NDArray[np.int32]
    inter_pod: InterPodTerms
    spread: SpreadTerms


class Pod(NamedTuple):
    """One class as a user's score function sees it.

    Attributes
    ----------
    request : int64[R]
        Requests in the rows of `ClusterState`.
    nonzero : int64[2]
        cpu and memory with upstream's defaults for absent requests.
    gpu_count, gpu_milli
        GPU devices and milli of each; 0 for none.
    """

    request: NDArray[np.int64]
    nonzero: NDArray[np.int64]
    gpu_count: int
    gpu_milli: int


@by_reference
class StaticTable(NamedTuple):
    """Verdicts and raw scores that depend on the node object and the class alone.

    Attributes
    ----------
    reason : int16[S, N]
        0 = every static filter passes, else 1 + index of a reason.
    raw : int64[2, S, N]
        Raw scores of TaintToleration (row 0) and NodeAffinity (row 1).
    skip : uint8[2, S]
        1 where upstream's PreScore returns Skip, so that the plugin is left out.
    scored : uint8[2, S]
        1 where some raw score of the row is not zero.
    image_row : int32[C], image : int64[I, N], image_scored : uint8[I]
        Rows of the classes by their images, the scores of ImageLocality, and where
        some score is not zero.
    """

    reason: NDArray[np.int16]
    raw: NDArray[np.int64]
    skip: NDArray[np.uint8]
    scored: NDArray[np.uint8]
    image_row: NDArray[np.int32]
    image: NDArray[np.int64]
    image_scored: NDArray[np.uint8]
