"""What every policy must keep to, built-in or one's own, and checks that it does.

Each check raises a `PolicyError` that says what was found, or returns a remark. The
workloads are small and made from fixed seeds, so that a verdict is repeatable.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload, encode
from schedbench.cluster.layout import ClusterState, Pod, PodClasses
from schedbench.cluster.state import bind, copy_state
from schedbench.errors import PolicyError
from schedbench.experiment.check_workloads import (
    alike_workload,
    plain_workload,
    random_workload,
)
from schedbench.metrics.validator import validate
from schedbench.plugins.gpu_share import choose_devices
from schedbench.policies.base import Policy
from schedbench.policies.registry import make_policy
from schedbench.scheduler.cycle import schedule_one
from schedbench.scheduler.explain import explain
from schedbench.scheduler.profile import Tie
from schedbench.scheduler.session import Session
from schedbench.simulation.own import Batch, feasible_nodes
from schedbench.simulation.record import EventKind, Record
from schedbench.simulation.replay import ENGINES, replay

SEEDS = (0, 1, 2)
MOST_UNEVEN = 40.0
"""Bound of chi-square with 3 degrees of freedom; chance passes it once in 10**8."""


@dataclasses.dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of a policy: its name, whether it passed, what was found."""

    name: str
    passed: bool
    detail: str = ""


def check_policy(policy: str | Policy) -> list[CheckResult]:
    """Run every check on a policy, given itself or as `make_policy` takes it.

    An error in one check, whatever a user's own code raises, fails that check alone.

    Raises
    ------
    InputError
        If the text names no policy.
    """
    found = make_policy(policy) if isinstance(policy, str) else policy
    return [_result(check, found) for check in CHECKS]


def check_never_infeasible(policy: Policy) -> None:
    """Demand that no binding breaks a hard constraint, judged by the API objects."""
    for seed in SEEDS:
        workload = random_workload(seed)
        encoded = encode(workload)
        record = replay(encoded, policy, seed=seed)
        for violation in validate(workload, record, encoded.node_names):
            raise PolicyError(
                f"pod {violation.pod} on node {violation.node} breaks "
                f"{violation.rule}: {violation.detail}"
            )


def check_determinism_under_seed(policy: Policy) -> None:
    """Demand the same placements from the same seed."""
    for seed in SEEDS:
        encoded = encode(random_workload(seed))
        first, second = (replay(encoded, policy, seed=seed) for _ in range(2))
        if first.digest != second.digest:
            raise PolicyError(f"two runs of seed {seed} placed pods differently")


def check_no_mutation(policy: Policy) -> str:
    """Demand that deciding leaves the columns of cluster and pods as they were."""
    if policy.outside is not None:
        return "it decides outside this process, where the columns are not"
    for session, pod_class in _situations(policy):
        classes = session.compiled.classes
        given, asked = copy_state(session.state), _copy(classes)
        _decide(session, policy, given, pod_class)
        touched = [*_differing(session.state, given), *_differing(asked, classes)]
        for name in _differing(asked, classes):
            getattr(classes, name)[:] = getattr(asked, name)
        if touched:
            raise PolicyError(f"wrote into {', '.join(touched)}")
    return ""


def check_finite_scores(policy: Policy) -> None:
    """Demand that no score of a feasible node is NaN; infinite ones are ordered."""
    for session, pod_class in _situations(policy):
        scores = _own_scores(session, policy, pod_class)
        if scores is not None and np.isnan(scores).any():
            raise PolicyError("scored a node NaN")


def check_ties_as_declared(policy: Policy) -> str:
    """Demand the declared tie rule among identical, empty nodes.

    `first` takes the first, `next` goes round, `random` takes all of them about
    equally often. A policy that scores such nodes differently never ties.
    """
    if policy.batch is not None:
        return "a batch policy settles ties by itself"
    encoded = encode(alike_workload())
    if not _scores_alike(Session(encoded, policy.profile, 0), policy):
        return "it tells identical nodes apart: no tie arises"
    rule = Tie(policy.profile.tie)
    chosen = np.concatenate([_bound(replay(encoded, policy, seed=s)) for s in SEEDS])
    nodes, each = len(encoded.node_names), len(encoded.class_of)
    expected = {
        Tie.FIRST: np.zeros(each, dtype=np.int64),
        Tie.NEXT: np.arange(each) % nodes,
    }
    if rule == Tie.RANDOM:
        mean = len(chosen) / nodes
        counts = np.bincount(chosen, minlength=nodes)
        uneven = float(((counts - mean) ** 2 / mean).sum())
        if uneven > MOST_UNEVEN:
            raise PolicyError(f"ties are random, but nodes were taken {counts} times")
    elif not np.array_equal(np.tile(expected[rule], len(SEEDS)), chosen):
        first = ", ".join(map(str, chosen[:8]))
        raise PolicyError(f"ties are {rule.name.lower()}, but slots were {first} …")
    return ""


def check_empty_cluster(policy: Policy) -> None:
    """Demand that without nodes all pods wait, and nothing breaks."""
    record = replay(encode(plain_workload(nodes=0, pods=3)), policy, seed=0)
    if len(_bound(record)):
        raise PolicyError("bound a pod although there is no node")


def check_one_node(policy: Policy) -> str:
    """Demand that a node with room for two of three pods takes two."""
    record = replay(encode(plain_workload(nodes=1, pods=3)), policy, seed=0)
    bound = len(_bound(record))
    if policy.batch is not None and bound < 2:
        return "a batch policy may let pods wait"
    if bound != 2:
        raise PolicyError(f"bound {bound} pods to a node with room for two")
    return ""


def check_every_engine_alike(policy: Policy) -> str:
    """Demand the same events of every pod from every engine, bound in one order."""
    if not policy.compiled:
        return "plain Python runs in one engine only"
    for seed in SEEDS:
        encoded = encode(random_workload(seed))
        logs = [_log(replay(encoded, policy, seed=seed, engine=e)) for e in ENGINES]
        for engine, log in zip(ENGINES[1:], logs[1:], strict=True):
            if log != logs[0]:
                raise PolicyError(f"{engine} and {ENGINES[0]} differ on seed {seed}")
    return ""


CHECKS: tuple[Callable[[Policy], str | None], ...] = (
    check_never_infeasible,
    check_determinism_under_seed,
    check_no_mutation,
    check_finite_scores,
    check_ties_as_declared,
    check_empty_cluster,
    check_one_node,
    check_every_engine_alike,
)


def _result(check: Callable[[Policy], str | None], policy: Policy) -> CheckResult:
    name = check.__name__.removeprefix("check_")
    try:
        remark = check(policy)
    except PolicyError as error:
        return CheckResult(name, passed=False, detail=str(error))
    except Exception as error:  # noqa: BLE001 - whatever a user's own code raises
        return CheckResult(
            name, passed=False, detail=f"{type(error).__name__}: {error}"
        )
    return CheckResult(name, passed=True, detail=remark or "")


def _situations(policy: Policy) -> Iterator[tuple[Session, int]]:
    """Yield sessions on ever fuller clusters, with a class of pod to decide on."""
    for seed in SEEDS:
        encoded = encode(random_workload(seed, pods=20, together=True))
        session = Session(encoded, policy.profile, seed)
        for pod_class in map(int, encoded.class_of):
            yield session, pod_class
            _fill(session, encoded, pod_class)


def _copy(classes: PodClasses) -> PodClasses:
    copied: PodClasses = copy.deepcopy(classes)
    return copied


def _differing(before: Any, after: Any) -> list[str]:
    """Return the names of the columns that are not the same."""
    found = []
    for name in before._fields:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, tuple):
            found += [f"{name}.{inner}" for inner in _differing(old, new)]
        elif not np.array_equal(old, new):
            found.append(name)
    return found


def _fill(session: Session, encoded: EncodedWorkload, pod_class: int) -> None:
    feasible = np.flatnonzero(feasible_nodes(session, pod_class))
    if len(feasible):
        node = int(feasible[0])
        state, classes = session.state, session.compiled.classes
        devices = int(choose_devices(state, classes, pod_class, node))
        bind(state, classes, pod_class, node, devices, 1)


def _decide(
    session: Session, policy: Policy, cluster: ClusterState, pod_class: int
) -> None:
    """Let the policy's code decide, on columns that it could write to."""
    if policy.batch is not None:
        policy.batch(cluster, Batch(session, np.array([pod_class], dtype=np.int32)))
    elif policy.vectorized is not None:
        feasible = feasible_nodes(session, pod_class)
        policy.vectorized(cluster, _pod(session, pod_class), feasible)
    elif policy.profile.custom is not None:
        pod = _pod(session, pod_class)
        for node in np.flatnonzero(feasible_nodes(session, pod_class)):
            policy.profile.custom(cluster, int(node), pod)
    else:
        schedule_one(cluster, session.compiled, pod_class, 0, 0, session.scratch)


def _own_scores(
    session: Session, policy: Policy, pod_class: int
) -> NDArray[np.float64] | None:
    """Return a user's scores of the feasible nodes; None if others score."""
    feasible = feasible_nodes(session, pod_class)
    cluster, pod = copy_state(session.state), _pod(session, pod_class)
    if policy.vectorized is not None:
        scores = policy.vectorized(cluster, pod, feasible)
        return np.asarray(scores, dtype=np.float64)[feasible]
    custom = policy.profile.custom
    if custom is None:
        return None
    nodes = map(int, np.flatnonzero(feasible))
    return np.array([custom(cluster, node, pod) for node in nodes], dtype=np.float64)


def _scores_alike(session: Session, policy: Policy) -> bool:
    own = _own_scores(session, policy, 0)
    if own is not None:
        return bool((own == own[0]).all())
    return len(explain(session, 0).tied) == len(session.nodes)


def _pod(session: Session, pod_class: int) -> Pod:
    classes = session.compiled.classes
    return Pod(
        classes.request[pod_class],
        classes.nonzero[pod_class],
        int(classes.gpu_count[pod_class]),
        int(classes.gpu_milli[pod_class]),
    )


def _bound(record: Record) -> NDArray[np.int64]:
    slots: NDArray[np.int64] = record.node[record.kind == EventKind.BIND].astype("i8")
    return slots


def _log(record: Record) -> tuple[str, list[tuple[Any, ...]]]:
    """Return the bindings in their order, and all events sorted."""
    columns = (record.time, record.kind, record.pod, record.node, record.devices)
    return record.digest, sorted(zip(*(c.tolist() for c in columns), strict=True))
