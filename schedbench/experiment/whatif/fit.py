"""The fewest or cheapest nodes that carry a workload, as far as a search finds them.

Nodes carry a workload if each pod is bound the moment it arrives: replays say so. The
search begins with the nodes that hold the pods in sum, adds some until a replay
succeeds, and then leaves out or exchanges what it can. What no nodes below it could
carry, the sums say (`pools.Problem.bound`): the difference is the gap. More nodes
nearly always carry what fewer do, but with spreading or affinity not by law, so the
best may be missed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from schedbench.errors import InputError
from schedbench.experiment.whatif.pools import TIGHT, Pools, problem_of
from schedbench.experiment.whatif.snapshot import MIRROR
from schedbench.objects.pod import Pod, PodStatus
from schedbench.simulation.loop import DONE, LOG_FULL, STUCK
from schedbench.simulation.prepare import grow_log
from schedbench.simulation.record import EventKind
from schedbench.simulation.replay import Immediate, replay

if TYPE_CHECKING:
    from schedbench.objects.workload import Workload
    from schedbench.policies.base import Policy

FACTORS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 5.0, 10.0, 30.0)
HALVINGS = 4
REPLAYS = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    """Nodes that carry a workload.

    Attributes
    ----------
    counts
        Pool → how many nodes.
    cost
        Sum of the prices, or the number of nodes.
    bound
        What no scheduler needs less than.
    local
        Whether it was tried that no single node can be left out.
    replays
        How many were made.
    """

    counts: Mapping[str, int]
    cost: float
    bound: float
    priced: bool
    local: bool
    replays: int
    pods: int
    notes: Sequence[str]

    @property
    def gap(self) -> float:
        """How much more it may be than needed, as a share of the bound."""
        return (self.cost - self.bound) / self.bound if self.bound else 0.0

    @property
    def optimal(self) -> bool:
        """Whether nothing less can do."""
        return self.cost <= self.bound * (1 + TIGHT)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        fields = dataclasses.asdict(self)
        nodes = sum(self.counts.values())
        return fields | {"nodes": nodes, "gap": self.gap, "optimal": self.optimal}


def fit(
    workload: Workload,
    pools: Pools,
    policy: Policy,
    *,
    seed: int,
    most_replays: int = REPLAYS,
) -> Fit:
    """Search for the cheapest nodes that carry a workload's pods.

    Raises
    ------
    InputError
        If a pod fits on no pool, or all nodes there are do not carry the workload.
    """
    loose, notes = _loosened(workload)
    problem = problem_of(loose, pools, policy)
    search = _Search(loose, pools, policy, seed, most_replays)
    started, failed = _first(problem.counts, search)
    if started is None:
        raise InputError(
            "all the nodes that the pools allow do not carry the workload",
            where="pools",
            value={pool.name: pool.max for pool in pools.pools},
            fix="raise max",
        )
    factor, counts = started
    for _ in range(HALVINGS if failed else 0):
        middle = (factor + failed) / 2
        fewer = problem.counts(middle)
        if fewer is not None and search.carries(fewer):
            factor, counts = middle, fewer
        else:
            failed = middle
    bound = problem.bound()
    local = True
    if search.cost(counts) > bound * (1 + TIGHT):
        counts, local = search.descend(counts)
    return Fit(
        counts={
            pool.name: count for pool, count in zip(pools.pools, counts, strict=True)
        },
        cost=search.cost(counts),
        bound=bound,
        priced=pools.priced,
        local=local,
        replays=search.replays,
        pods=len(loose.pods),
        notes=[*workload.notes, *notes],
    )


def _first(solve: Any, search: _Search) -> tuple[tuple[float, list[int]] | None, float]:
    """Return the first factor of demand whose nodes do, and the last that failed."""
    failed = 0.0
    for factor in FACTORS:
        counts = solve(factor)
        if counts is None:
            break
        if search.carries(counts, sure=True):
            return (factor, counts), failed
        failed = factor
    most = [pool.max for pool in search.pools.pools]
    if sum(most) <= search.largest and search.carries(most, sure=True):
        return (2 * max(failed, 1.0), most), failed
    return None, failed


class _Search:
    """Tries counts of nodes, and remembers what came of them."""

    largest = 200_000

    def __init__(
        self, workload: Workload, pools: Pools, policy: Policy, seed: int, most: int
    ) -> None:
        self.workload, self.pools, self.policy = workload, pools, policy
        self.seed, self.most = seed, most
        self.known: dict[tuple[int, ...], bool] = {}

    @property
    def replays(self) -> int:
        """How many replays were made."""
        return len(self.known)

    def cost(self, counts: Sequence[int]) -> float:
        """Return what so many nodes cost."""
        return float(np.dot(counts, self.pools.prices))

    def carries(self, counts: Sequence[int], *, sure: bool = False) -> bool:
        """Tell whether so many nodes carry the workload; no, once replays are used up.

        `sure` replays all the same.
        """
        key = tuple(counts)
        if key not in self.known:
            if not sure and self.replays >= self.most:
                return False
            self.known[key] = self._replayed(counts)
        return self.known[key]

    def _replayed(self, counts: Sequence[int]) -> bool:
        from schedbench.cluster.encode import encode

        nodes = self.pools.nodes(counts)
        if not nodes:
            return not len(self.workload.pods)
        encoded = encode(dataclasses.replace(self.workload, nodes=nodes))
        if self.workload.needs_scheduling_queue or not self.policy.compiled:
            record = replay(encoded, self.policy, seed=self.seed)
            waited = np.isin(
                record.kind, [EventKind.UNSCHEDULABLE, EventKind.PREEMPT]
            ).any()
            bound = np.unique(record.pod[record.kind == EventKind.BIND])
            return not waited and len(bound) == len(self.workload.pods)
        return _Probe(encoded, self.policy, self.seed, "auto").carries()

    def descend(self, counts: list[int]) -> tuple[list[int], bool]:
        """Leave out and exchange nodes while it does; tell whether all was tried."""
        step = max(sum(counts) // 16, 1)
        while True:
            changed = True
            while changed:
                changed = False
                for fewer in (*_without(counts, step, self), *_swapped(counts, self)):
                    if self.carries(fewer):
                        counts, changed = fewer, True
                        break
            if step == 1:
                return counts, self.replays < self.most
            step = max(step // 2, 1)


def _without(counts: list[int], step: int, search: _Search) -> Iterator[list[int]]:
    """Yield the counts with some nodes of one pool left out, the dearest first."""
    for pool in np.argsort(-search.pools.prices, kind="stable").tolist():
        least = search.pools.pools[pool].min
        if counts[pool] - step >= least:
            yield [*counts[:pool], counts[pool] - step, *counts[pool + 1 :]]


def _swapped(counts: list[int], search: _Search) -> Iterator[list[int]]:
    """Yield the counts with one node exchanged for a cheaper one."""
    prices, pools = search.pools.prices, search.pools.pools
    for out in range(len(counts)):
        for into in range(len(counts)):
            dearer = prices[out] > prices[into] * (1 + TIGHT)
            if (
                dearer
                and counts[out] > pools[out].min
                and counts[into] < pools[into].max
            ):
                changed = list(counts)
                changed[out] -= 1
                changed[into] += 1
                yield changed


class _Probe(Immediate):
    """A replay that ends at the first pod that fits nowhere."""

    def carries(self) -> bool:
        """Tell whether every pod is bound when it arrives."""
        self.progress.counters.halting[0] = 1
        while (outcome := self._step(np.inf)) != DONE:
            if outcome == STUCK:
                return False
            if outcome == LOG_FULL:
                self.log = grow_log(self.log)
        return True


def _loosened(workload: Workload) -> tuple[Workload, list[str]]:
    """Return the workload with all pods waiting, without those that nodes bring."""
    pods = workload.pods
    own = np.array([_of_a_node(pod) for pod in pods.templates], dtype=np.bool_)
    kept = np.flatnonzero(~own[pods.template]) if len(own) else np.arange(0)
    notes = []
    if len(kept) < len(pods):
        notes.append(
            f"{len(pods) - len(kept):,} pods of DaemonSets and static pods are left "
            "out: they come with their nodes, so leave them room in the pools"
        )
    if workload.node_events:
        notes.append(f"{len(workload.node_events):,} changes of nodes are left out")
    templates = [
        msgspec.structs.replace(pod, status=PodStatus()) for pod in pods.templates
    ]
    columns: dict[str, Any] = {
        name: getattr(pods, name)[kept]
        for name in ("template", "arrival", "duration", "deletion", "measured")
    }
    names = (
        pods.names if pods.names is None else [pods.names[pod] for pod in kept.tolist()]
    )
    stream = dataclasses.replace(
        pods,
        templates=templates,
        node=np.full(len(kept), -1, dtype=np.int32),
        names=names,
        **columns,
    )
    return (
        dataclasses.replace(
            workload, nodes=(), pods=stream, node_events=(), pod_updates=()
        ),
        notes,
    )


def _of_a_node(pod: Pod) -> bool:
    owners = {owner.kind for owner in pod.metadata.owner_references}
    return "DaemonSet" in owners or MIRROR in pod.metadata.annotations
