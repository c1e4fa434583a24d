"""Pools of nodes to choose from, and how few of them a sum over resources allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.experiment.scenario import read_own
from schedbench.experiment.schema import decode
from schedbench.objects.node import Node
from schedbench.sources.synthetic.nodes import NodeShape, make_nodes

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload
    from schedbench.policies.base import Policy

MILLI_PER_GPU = 1000
SOLVER_SECONDS = 20.0
TIGHT = 1e-6


class PricedPool(NodeShape, forbid_unknown_fields=True, kw_only=True):
    """Nodes of one shape that can be had.

    Attributes
    ----------
    price
        Of one node, in any unit; with no pool priced, nodes are counted.
    min, max
        How many nodes there are at least and at most.
    """

    price: Annotated[float, Meta(gt=0)] | None = None
    min: Annotated[int, Meta(ge=0)] = 0
    max: Annotated[int, Meta(ge=1, le=200_000)] = 10_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")


class Pools(Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of pools; nodes are spread round-robin over the zones."""

    pools: Annotated[list[PricedPool], Meta(min_length=1)]
    zones: Annotated[int, Meta(ge=0, le=1000)] = 0
    regions: Annotated[int, Meta(ge=1, le=1000)] = 1

    def __post_init__(self) -> None:
        names = [pool.name for pool in self.pools]
        if len(set(names)) < len(names):
            raise ValueError("two pools have the same name")
        if len({pool.price is None for pool in self.pools}) > 1:
            raise ValueError("some pools have a price and others have none")

    @property
    def prices(self) -> NDArray[np.float64]:
        """Price of a node of each pool; 1 where nodes are counted."""
        return np.array([pool.price or 1.0 for pool in self.pools])

    @property
    def priced(self) -> bool:
        """Whether the pools have prices."""
        return self.pools[0].price is not None

    def nodes(self, counts: Sequence[int]) -> list[Node]:
        """Return so many nodes of each pool."""
        return make_nodes(self.pools, counts, self.zones, self.regions)


def read_pools(path: str) -> Pools:
    """Read a file of pools.

    Raises
    ------
    InputError
        If it cannot be read, or says what pools cannot say.
    """
    if not Path(path).is_file():
        raise InputError("no such file", source=path)
    return decode(read_own(path), Pools, path)


@dataclasses.dataclass(frozen=True, slots=True)
class Demand:
    """What pods ask for at one time.

    Attributes
    ----------
    count : int64[shape]
        How many pods of each shape are there at once.
    request : int64[shape, resource]
        What one asks for.
    allowed : bool[shape, pool]
        Whether it fits on an empty node of the pool.
    """

    count: NDArray[np.int64]
    request: NDArray[np.int64]
    allowed: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """The choice of nodes as sums over resources.

    Attributes
    ----------
    capacity : int64[pool, resource]
        What one node has.
    demands
        At the time of each resource's peak.
    """

    pools: Pools
    capacity: NDArray[np.int64]
    demands: Sequence[Demand]

    def bound(self) -> float:
        """Return a cost below which no scheduler carries the workload."""
        return max((self._solved(each, 1.0)[1] for each in self.demands), default=0.0)

    def counts(self, factor: float) -> list[int] | None:
        """Return the cheapest nodes that hold `factor` times the demand in sum.

        None if there are not so many.
        """
        found = [self._solved(each, factor)[0] for each in self.demands]
        if any(each is None for each in found):
            return None
        least = [[pool.min for pool in self.pools.pools]]
        solved = [each for each in found if each is not None]
        highest: list[int] = np.max([*least, *solved], axis=0).tolist()
        return highest

    def _solved(self, demand: Demand, factor: float) -> tuple[list[int] | None, float]:
        """Return counts and a lower bound of the cost, by a mixed-integer program.

        Whole nodes; pods may be cut into pieces, but a pool's nodes hold no more of a
        shape than so many empty ones would.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        pools, shapes = len(self.capacity), len(demand.count)
        scale = np.maximum(self.capacity.max(axis=0), 1)
        capacity, request = self.capacity / scale, demand.request / scale
        x = pools + np.arange(shapes * pools).reshape(shapes, pools)
        rows: list[tuple[NDArray[np.int64], NDArray[np.float64], float, float]] = []
        for shape in range(shapes):
            wanted = factor * float(demand.count[shape])
            rows.append((x[shape], np.ones(pools), wanted, wanted))
        for pool in range(pools):
            for row in np.flatnonzero(request.any(axis=0)):
                where = np.append(x[:, pool], pool)
                terms = np.append(request[:, row], -capacity[pool, row])
                rows.append((where, terms, -np.inf, 0.0))
            for shape in np.flatnonzero(demand.allowed[:, pool]).tolist():
                asked = demand.request[shape] > 0
                most = (self.capacity[pool, asked] // demand.request[shape, asked]).min(
                    initial=np.iinfo(np.int64).max
                )
                pair = np.array([x[shape, pool], pool])
                rows.append((pair, np.array([1.0, -float(most)]), -np.inf, 0.0))
        lengths = [len(where) for where, *_ in rows]
        matrix = coo_array(
            (
                np.concatenate([terms for _, terms, *_ in rows]),
                (
                    np.repeat(np.arange(len(rows)), lengths),
                    np.concatenate([where for where, *_ in rows]),
                ),
            ),
            shape=(len(rows), pools + x.size),
        ).tocsr()
        most_x = np.where(demand.allowed, np.inf, 0.0).ravel()
        cost = np.concatenate([self.pools.prices, np.zeros(x.size)])
        least = [float(pool.min) for pool in self.pools.pools]
        most_n = [float(pool.max) for pool in self.pools.pools]
        solved = milp(
            cost,
            integrality=np.concatenate([np.ones(pools), np.zeros(x.size)]),
            bounds=Bounds(
                np.concatenate([least, np.zeros(x.size)]),
                np.concatenate([most_n, most_x]),
            ),
            constraints=LinearConstraint(
                matrix, [row[2] for row in rows], [row[3] for row in rows]
            ),
            options={"time_limit": SOLVER_SECONDS},
        )
        lower = getattr(solved, "mip_dual_bound", None)
        lower = 0.0 if lower is None or not np.isfinite(lower) else float(lower)
        if not self.pools.priced:
            lower = float(np.ceil(lower - TIGHT))
        if solved.x is None:
            return None, lower
        return np.round(solved.x[:pools]).astype(int).tolist(), lower


def problem_of(workload: Workload, pools: Pools, policy: Policy) -> Problem:
    """Return the choice of nodes for a workload's pods.

    Raises
    ------
    InputError
        If a pod fits on an empty node of no pool; says why.
    """
    from schedbench.cluster.encode import encode
    from schedbench.scheduler.diagnose import diagnose
    from schedbench.scheduler.session import Session

    each = max(pools.zones, 1)
    nodes = pools.nodes([each] * len(pools.pools))
    encoded = encode(dataclasses.replace(workload, nodes=nodes))
    session = Session(encoded, policy.profile, 0)
    classes, state = encoded.classes, encoded.state
    static = session.statics.table.reason[classes.static_row] == 0
    gpus = (state.gpu_free >= 0).sum(axis=0)
    request = np.column_stack([classes.request, classes.gpu_count * classes.gpu_milli])
    offer = np.column_stack([state.allocatable.T, gpus * MILLI_PER_GPU])
    enough = (request[:, None, :] <= offer[None]).all(axis=2)
    devices = classes.gpu_count[:, None] <= gpus[None]
    fits = static & enough & devices
    allowed = fits.reshape(len(fits), len(pools.pools), each).any(axis=2)
    used = np.unique(encoded.class_of)
    for pod_class in used[~allowed[used].any(axis=1)]:
        pod = int(np.flatnonzero(encoded.class_of == pod_class)[0])
        found = diagnose(session, int(pod_class)).reasons()
        reasons = ", ".join(dict.fromkeys(reason for _, reason in found))
        raise InputError(
            "this pod fits on a node of no pool" + (f" ({reasons})" if reasons else ""),
            value=workload.pods.name(pod),
            fix="add a pool that it fits on",
        )
    return Problem(
        pools,
        offer[::each],
        [
            _demand(encoded.class_of[alive], request, allowed)
            for alive in _peaks(workload, request[encoded.class_of])
        ],
    )


def _demand(
    pod_class: NDArray[np.int32],
    request: NDArray[np.int64],
    allowed: NDArray[np.bool_],
) -> Demand:
    classes, counts = np.unique(pod_class, return_counts=True)
    both = np.column_stack([request[classes], allowed[classes]])
    shapes, shape = np.unique(both, axis=0, return_inverse=True)
    width = request.shape[1]
    count = np.bincount(shape.ravel(), counts, minlength=len(shapes))
    return Demand(
        count.astype(np.int64), shapes[:, :width], shapes[:, width:].astype(np.bool_)
    )


def _peaks(workload: Workload, request: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Return which pods are there at the peak of each resource, bool[pod] each.

    As if each pod ran from its arrival on: who carries the workload binds it then.
    """
    pods = workload.pods
    if not len(pods):
        return []
    end = np.minimum(pods.arrival + pods.duration, pods.deletion)
    if np.isinf(end).all():
        return [np.ones(len(pods), dtype=np.bool_)]
    times = np.concatenate([end, pods.arrival])
    order = np.argsort(times, kind="stable")  # at equal times pods go before they come
    found = {}
    for row in np.flatnonzero(request.any(axis=0)):
        deltas = np.concatenate([-request[:, row], request[:, row]])[order]
        peak = float(times[order][int(np.argmax(np.cumsum(deltas.astype(float))))])
        found[peak] = (pods.arrival <= peak) & (peak < end)
    return list(found.values())
