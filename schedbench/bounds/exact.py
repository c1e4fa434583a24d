"""Integer programs, node by node, for instances small enough to solve.

A variable counts the pods of a kind on a node; pods with a share of a GPU are counted
by device, of which the node's other devices serve whole. That is all that node objects,
resources, host ports and GPU devices demand, so without rules that `Bound.ignores`
names the optimum is that of the placements themselves; with such rules it is a bound.

What is returned is the solver's proven bound (HiGHS), with the best placement it found;
stopped by the time limit, both still hold, with a gap between them. Amounts are divided
by their common divisor, so that the solver's tolerance (1e-6) decides nothing.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schedbench.bounds.linear import Relaxed
from schedbench.cluster.layout import GPU_DEVICE_MILLI

if TYPE_CHECKING:
    from schedbench.bounds.packing import Packing

MOST_VARIABLES = 4_000
TOLERANCE = 1e-6


def is_small(packing: Packing) -> bool:
    """Tell whether the integer program is worth a try."""
    groups = packing.groups
    shares = np.where(packing.kinds.milli < GPU_DEVICE_MILLI, packing.kinds.devices, 0)
    by_device = (groups.fits * shares[:, None] * groups.devices_total).sum()
    by_node = (groups.fits * groups.size).sum()
    devices = groups.devices_total.sum() if shares.any() else 0
    return groups.uniform and by_device + by_node + devices <= MOST_VARIABLES


def most_weight(
    packing: Packing, weight: NDArray[np.float64], limit: float
) -> Relaxed | None:
    """Return the most weight of pods that can be on the nodes at one time.

    None if the solver proved nothing in time. Arguments as of `linear.most_weight`.
    """
    model = _Model(packing)
    model.upper_count()
    largest = float(weight.max(initial=0.0)) or 1.0
    found = model.solve(-weight[model.kind_of_pods] / largest, limit)
    if found is None:
        return None
    best = None if found.best is None else -found.best * largest
    return Relaxed(-found.value * largest, found.status, best)


def fewest_nodes(packing: Packing, limit: float) -> Relaxed | None:
    """Return the fewest nodes that run all pods at one time.

    None if they cannot all be there, or the solver proved nothing in time.
    """
    model = _Model(packing, counts_nodes=True)
    model.exact_count()
    return model.solve(np.zeros(len(model.kind_of_pods)), limit)


@dataclasses.dataclass(frozen=True, slots=True)
class _Entry:
    row: int
    variable: int
    value: float


class _Model:
    """The variables and rows of one integer program.

    Variables come in order: pods of a kind on a node (or device), whether a device is
    shared, whether a node is used.
    """

    def __init__(self, packing: Packing, *, counts_nodes: bool = False) -> None:
        self.packing = packing
        self.entries: list[_Entry] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.upper: list[float] = []
        self.kinds: list[int] = []
        self.node_of = np.repeat(np.arange(len(packing.groups)), packing.groups.size)
        most = packing.most_on_node()
        nodes = len(self.node_of)
        shares = self._shares()
        self.placed: list[dict[int, list[int]]] = [{} for _ in range(nodes)]
        self.shared: list[list[list[tuple[int, int]]]] = [[] for _ in range(nodes)]
        for node, group in enumerate(self.node_of):
            devices = int(packing.groups.devices_largest[group])
            self.shared[node] = [[] for _ in range(devices)]
            for kind in np.flatnonzero(packing.groups.fits[:, group]):
                self._place(node, int(kind), int(most[kind, group]), shares[kind])
        self.kind_of_pods = np.array(self.kinds, dtype=np.int64)
        self.used = [-1] * nodes
        sharing = [
            [self._variable(1.0) for _ in self.shared[node]] if shares.any() else []
            for node in range(nodes)
        ]
        if counts_nodes:
            self.used = [self._variable(1.0) for _ in range(nodes)]
        for node in range(nodes):
            self._resources(node)
            self._devices(node, sharing[node])
        for node in range(1, nodes if counts_nodes else 0):
            if self.node_of[node] == self.node_of[node - 1]:
                self._row([(self.used[node], 1), (self.used[node - 1], -1)], 0)

    def _shares(self) -> NDArray[np.bool_]:
        kinds = self.packing.kinds
        return np.asarray((kinds.devices > 0) & (kinds.milli < GPU_DEVICE_MILLI))

    def _place(self, node: int, kind: int, most: int, shares: bool) -> None:
        """Make the variables of a kind on a node."""
        places = len(self.shared[node]) if shares else 1
        own = []
        for device in range(places):
            own.append(self._variable(float(most)))
            self.kinds.append(kind)
            if shares:
                milli = int(self.packing.kinds.milli[kind])
                self.shared[node][device].append((own[-1], milli))
        self.placed[node][kind] = own

    def _variable(self, upper: float) -> int:
        self.upper.append(upper)
        return len(self.upper) - 1

    def _row(
        self, entries: list[tuple[int, float]], high: float, low: float = -math.inf
    ) -> None:
        row = len(self.high)
        self.high.append(high)
        self.low.append(low)
        self.entries += [_Entry(row, variable, value) for variable, value in entries]

    def _limit(self, node: int, entries: list[tuple[int, float]], high: float) -> None:
        """Add a row that a node must be in use for, where nodes are counted."""
        if self.used[node] >= 0:
            self._row([*entries, (self.used[node], -high)], 0)
        else:
            self._row(entries, high)

    def _resources(self, node: int) -> None:
        packing, placed = self.packing, self.placed[node]
        group = self.node_of[node]
        for q in np.flatnonzero(packing.kinds.request.any(axis=0)):
            asked = packing.kinds.request[:, q]
            divisor = math.gcd(*asked.tolist())
            high = int(packing.groups.largest[group, q]) // divisor
            entries: list[tuple[int, float]] = [
                (variable, int(asked[kind]) // divisor)
                for kind, own in placed.items()
                for variable in own
                if asked[kind]
            ]
            if entries:
                self._limit(node, entries, high)

    def _devices(self, node: int, sharing: list[int]) -> None:
        """Add that shares fit their device, and that devices suffice."""
        kinds, shares = self.packing.kinds, self._shares()
        whole: list[tuple[int, float]] = [
            (variable, int(kinds.devices[kind]))
            for kind, own in self.placed[node].items()
            if kinds.devices[kind] and not shares[kind]
            for variable in own
        ]
        for on_device, shared in zip(self.shared[node], sharing, strict=False):
            self._row([*on_device, (shared, -GPU_DEVICE_MILLI)], 0)
        entries = [*whole, *((shared, 1.0) for shared in sharing)]
        if entries:
            self._limit(node, entries, len(self.shared[node]))

    def upper_count(self) -> None:
        """Let at most all pods of each kind be placed."""
        self._count(exactly=False)

    def exact_count(self) -> None:
        """Demand that all pods of each kind are placed."""
        self._count(exactly=True)

    def _count(self, *, exactly: bool) -> None:
        everywhere: dict[int, list[tuple[int, float]]] = {}
        for variable, kind in enumerate(self.kinds):
            everywhere.setdefault(kind, []).append((variable, 1.0))
        for kind, entries in everywhere.items():
            high = float(self.packing.count[kind])
            self._row(entries, high, high if exactly else -math.inf)

    def solve(self, cost: NDArray[np.float64], limit: float) -> Relaxed | None:
        """Minimize the cost of the pods and the number of nodes used."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import coo_array

        if not self.upper:
            return Relaxed(0.0, "optimal", 0.0)
        whole = np.zeros(len(self.upper))
        whole[: len(cost)] = cost
        whole[[each for each in self.used if each >= 0]] = 1.0
        matrix = coo_array(
            (
                [each.value for each in self.entries],
                (
                    [each.row for each in self.entries],
                    [each.variable for each in self.entries],
                ),
            ),
            shape=(len(self.high), len(self.upper)),
        ).tocsr()
        found: Any = milp(
            whole,
            integrality=np.ones(len(whole)),
            bounds=Bounds(0, np.array(self.upper)),
            constraints=LinearConstraint(matrix, self.low, self.high),
            options={"time_limit": limit, "mip_rel_gap": 0.0},
        )
        bound = found.mip_dual_bound
        if found.status not in {0, 1} or bound is None or not math.isfinite(bound):
            return None
        best = None if found.x is None else float(whole @ np.round(found.x))
        allowed = TOLERANCE * max(1.0, abs(bound))
        status = "optimal" if found.status == 0 else "time limit"
        return Relaxed(float(bound) - allowed, status, best)  # type: ignore[arg-type]
