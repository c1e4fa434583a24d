"""What a policy written in plain Python is given, and what it may return."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.layout import ClusterState, DomainState, Pod
from schedbench.cluster.state import bind, copy_state
from schedbench.errors import PolicyError
from schedbench.objects import node as node_objects
from schedbench.objects import pod as pod_objects
from schedbench.plugins.gpu_share import choose_devices
from schedbench.policies.base import Policy
from schedbench.policies.batches import NOBODY, Running
from schedbench.scheduler.diagnose import refusal
from schedbench.scheduler.feasible import mark_infeasible
from schedbench.scheduler.sampling import ordered
from schedbench.scheduler.score import order_floats
from schedbench.scheduler.select import select_node
from schedbench.scheduler.session import Session
from schedbench.simulation.columns import ADD


class Batch:
    """The pods that a batch policy is given at an instant, in the order of the queue.

    It plans on a copy of the cluster: `take` notes a placement there, so that
    `feasible` and `cluster` see what the batch has placed so far.

    Attributes
    ----------
    request : int64[B, R]
        Requests, in the rows of the cluster's columns.
    gpu_count, gpu_milli : int64[B]
        GPU devices and milli of each.
    pod_class : int32[B]
        Class: pods of one class differ in name alone.
    number : int64[B]
        Number of the pod in its workload.
    cluster
        The cluster with the placements taken so far; read-only.
    taken
        The pods that were taken, in that order, which is the order of binding.
    running
        The pods that run.
    memory
        What the policy wants to know again later in this run; begins empty.
    time
        Simulated seconds.
    """

    def __init__(
        self,
        session: Session,
        pod_class: NDArray[np.int32],
        number: NDArray[np.int64] | None = None,
        running: Running = NOBODY,
        memory: dict[str, Any] | None = None,
        time: float = 0.0,
    ) -> None:
        classes = session.compiled.classes
        self._session = session
        self._class = pod_class
        self._plan = copy_state(session.state)
        self.taken: list[int] = []
        self.cluster = read_only(self._plan)
        self.pod_class = read_only_view(pod_class)
        self.number = np.arange(len(pod_class)) if number is None else number
        self.running = running
        self.memory = {} if memory is None else memory
        self.time = time
        self.request = classes.request[pod_class]
        self.gpu_count = classes.gpu_count[pod_class]
        self.gpu_milli = classes.gpu_milli[pod_class]

    def __len__(self) -> int:
        return len(self._class)

    @property
    def resources(self) -> Sequence[str]:
        """The names of the cluster's resource rows."""
        return self._session.encoded.resources

    @property
    def class_pods(self) -> Sequence[pod_objects.Pod]:
        """One pod object of each class."""
        return self._session.encoded.class_pods

    @property
    def class_request(self) -> NDArray[np.int64]:
        """Requests of each class, int64[C, R]."""
        return read_only_view(self._session.compiled.classes.request)

    @property
    def nodes(self) -> Sequence[node_objects.Node]:
        """The node object of each slot."""
        return self._session.nodes.objects

    def trial(self) -> Batch:
        """Return the batch on a copy of the plan, on which to try what follows."""
        tried = copy.copy(self)
        tried._plan = copy_state(self._plan)  # noqa: SLF001 - a batch of this class
        tried.cluster = read_only(tried._plan)  # noqa: SLF001
        tried.taken = list(self.taken)
        return tried

    def feasible(self, index: int) -> NDArray[np.bool_]:
        """Return on which nodes the pod would fit, bool[N]."""
        return feasible_nodes(self._session, int(self._class[index]), self._plan)

    def take(self, index: int, node: int) -> None:
        """Note that the pod is to go to a node on which it fits."""
        classes, pod_class = self._session.compiled.classes, int(self._class[index])
        devices = choose_devices(self._plan, classes, pod_class, int(node))
        bind(self._plan, classes, pod_class, int(node), devices, ADD)
        self.taken.append(int(index))


def feasible_nodes(
    session: Session, pod_class: int, state: ClusterState | None = None
) -> NDArray[np.bool_]:
    """Return on which nodes a pod of the class would fit, bool[N].

    In the session's cluster as it is now, or in a given state of it.
    """
    bad = np.empty(len(session.nodes), dtype=np.int64)
    compiled = session.compiled
    mark_infeasible(
        session.state if state is None else state,
        compiled.classes,
        compiled.static,
        compiled.switches,
        pod_class,
        0,
        len(bad),
        bad,
    )
    return bad >= 0


def rejection(session: Session, pod_class: int, slot: int) -> str:
    """Return who rejects a node for a pod and why, as the end of a message."""
    if not session.state.alive[slot]:
        return " (it is not in the cluster)"
    found = refusal(session, session.view, pod_class, slot)
    if found is None:
        return ""
    return f" ({found.plugin}: {', '.join(found.status.reasons)})"


def read_only(state: ClusterState) -> ClusterState:
    """Return views of the columns that a policy cannot write to."""
    views: dict[str, Any] = {
        name: read_only_view(column)
        for name, column in state._asdict().items()
        if name != "domains"
    }
    counted: dict[str, Any] = {
        name: read_only_view(column) for name, column in state.domains._asdict().items()
    }
    domains = DomainState(**counted)
    return ClusterState(**views, domains=domains)


def read_only_view(column: NDArray[Any]) -> NDArray[Any]:
    """Return a view of a column that a policy cannot write to."""
    view = column.view()
    view.flags.writeable = False
    return view


def _draws(session: Session, policy: Policy, counter: int) -> list[float]:
    """Return the uniform numbers of one decision, by its number alone."""
    key = np.array([session.compiled.choice.key, 1], dtype=np.int64).view(np.uint64)
    bits = np.random.Philox(key=key, counter=[counter, 0, 0, 0])
    drawn: list[float] = np.random.Generator(bits).random(policy.draws).tolist()
    return drawn


def choose_vectorized(
    session: Session,
    policy: Policy,
    cluster: ClusterState,
    pod_class: int,
    counter: int,
    cursor: int,
) -> int:
    """Choose a node by a user's numpy function; arguments as of `schedule_one`."""
    assert policy.vectorized is not None
    classes = session.compiled.classes
    seen = Pod(
        read_only_view(classes.request[pod_class]),
        read_only_view(classes.nonzero[pod_class]),
        int(classes.gpu_count[pod_class]),
        int(classes.gpu_milli[pod_class]),
    )
    feasible = feasible_nodes(session, pod_class)
    more = {"draws": _draws(session, policy, counter)} if policy.draws else {}
    given = policy.vectorized(cluster, seen, feasible, **more)
    scores = np.asarray(given, dtype=np.float64)
    if scores.shape != feasible.shape:
        raise PolicyError(
            f"{policy.spec} returned scores of shape {scores.shape}, "
            f"expected {feasible.shape}: one for each node"
        )
    if np.isnan(scores[feasible]).any():
        raise PolicyError(f"{policy.spec} scored a node NaN")
    scratch, choice = session.scratch, session.compiled.choice
    scratch.custom[:] = np.where(feasible, scores, 0.0)
    order_floats(scratch)
    scratch.bad[:] = np.where(feasible, 0, -1)
    sampling = session.compiled.sampling
    order = sampling.order[: ordered(sampling)]
    return int(
        select_node(
            scratch.score, scratch.bad, choice.tie, choice.key, counter, cursor, order
        )
    )
