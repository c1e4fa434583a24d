"""One run: a session, the columns of the event loop, its log, and the record of it."""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterator

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.state import check_invariants
from schedbench.errors import InputError, PolicyError
from schedbench.objects.workload import NodeEvent
from schedbench.policies.base import Policy
from schedbench.scheduler.index.memory import Memory
from schedbench.scheduler.session import Session
from schedbench.simulation.columns import BOUND
from schedbench.simulation.prepare import (
    grow_log,
    make_log,
    make_pods,
    make_progress,
)
from schedbench.simulation.record import (
    CapacityChange,
    EventKind,
    Record,
    Rejection,
    WallClock,
    placement_digest,
)
from schedbench.simulation.rejections import read_counts


class Run:
    """What every way to play a workload has.

    Attributes
    ----------
    session
        The policy at work.
    memory
        What its classes of pods remember between decisions.
    pods, progress, log
        The columns of the event loop.
    capacity_changes
        Changes of the nodes' allocatable after time 0.
    """

    def __init__(
        self,
        encoded: EncodedWorkload,
        policy: Policy,
        session: Session,
        engine: str,
    ) -> None:
        self.encoded = encoded
        self.policy = policy
        self.session = session
        self.memory = Memory(session, encoded.workload.pods, engine)
        self.pods = make_pods(encoded)
        self.progress = make_progress(encoded)
        self.log = make_log(encoded)
        self.capacity_changes: list[CapacityChange] = []

    def node_slot(self, event: NodeEvent) -> int:
        """Return the slot of a node that changes.

        Raises
        ------
        InputError
            If a node joins that is there, or another changes that is not.
        """
        name = event.node.metadata.name
        slot = self.session.nodes.slots[name]
        alive = bool(self.session.state.alive[slot])
        if alive == (event.change == "add"):
            raise InputError(
                f"a node that is {'' if alive else 'not '}there cannot {event.change}",
                where=f"node event at {event.time} s",
                value=name,
            )
        return slot

    def note_capacity(self, event: NodeEvent, slot: int) -> None:
        """Log a change of a node that has been made."""
        kinds = {
            "add": EventKind.NODE_ADD,
            "update": EventKind.NODE_UPDATE,
            "remove": EventKind.NODE_REMOVE,
        }
        self.write(kinds[event.change], slot)
        allocatable = self.session.state.allocatable[:, slot].copy()
        self.capacity_changes.append(CapacityChange(event.time, slot, allocatable))

    def look_at_images(self, session: Session, slot: int) -> None:
        """Refresh what is known of images where something changed since an attempt."""
        session.images.touch(slot)
        for entry in range(int(self.progress.counters.logged[0]) - 1, -1, -1):
            session.images.touch(int(self.log.node[entry]))
            if self.log.kind[entry] in {EventKind.BIND, EventKind.UNSCHEDULABLE}:
                break
        session.look()

    def pods_on(self, slot: int) -> NDArray[np.int64]:
        """Return the pods on a node in the order of the queue, int64[pod]."""
        here = (self.progress.status == BOUND) & (self.progress.place == slot)
        found = np.flatnonzero(here)
        return np.asarray(found[np.argsort(self.pods.rank[found])])

    def forget_finishes(self, evicted: NDArray[np.int64]) -> None:
        """Drop when pods would have finished that lost their node.

        Bound anew they finish at another time, and the heap has room for one each.
        """
        progress, at = self.progress, self.progress.counters
        count = int(at.finishing[0])
        kept = ~np.isin(progress.finish_pod[:count], evicted)
        times = progress.finish_time[:count][kept]
        pods = progress.finish_pod[:count][kept]
        order = np.lexsort((pods, times))
        at.finishing[0] = len(order)
        progress.finish_time[: len(order)] = times[order]
        progress.finish_pod[: len(order)] = pods[order]

    def make_room_in_log(self) -> None:
        """Let the log have room for one more step."""
        at, log = self.progress.counters, self.log
        full = at.logged[0] + 2 > log.time.size or at.decisions[0] >= log.latency.size
        if full:
            self.log = grow_log(log)

    def write(self, kind: int, node: int, pod: int = -1, devices: int = 0) -> None:
        """Append an entry to the log, as `columns.write`: to call it takes 20 µs."""
        self.make_room_in_log()
        at, log = self.progress.counters, self.log
        entry = int(at.logged[0])
        log.time[entry] = at.now[0]
        log.kind[entry], log.pod[entry] = kind, pod
        log.node[entry], log.devices[entry] = node, devices
        at.logged[0] = entry + 1

    def check(self) -> None:
        """Raise InvariantError if the state is not the sum of the pods bound."""
        self.check_sums(self.session.state, self.session.compiled.classes)

    def check_sums(self, state: ClusterState, classes: PodClasses) -> None:
        """Raise InvariantError if a state is not the sum of the pods bound."""
        bound = np.flatnonzero(self.progress.status == BOUND)
        gpu_total = np.where(state.gpu_free >= 0, 1000, -1)
        check_invariants(
            state,
            classes,
            self.pods.pod_class[bound],
            self.progress.place[bound],
            self.progress.devices[bound],
            gpu_total,
        )

    def rejections(self) -> list[Rejection]:
        """Return why pods found no node at first, most nodes first."""
        return list(read_counts(self.log.rejections, self.session))

    def notes(self) -> list[str]:
        """Return what of the workload was left out, one sentence each."""
        return []

    def filters_off(self) -> frozenset[str]:
        """Return the default filters that the policy does without."""
        return self.policy.profile.filters_off()

    def record(self, compile_seconds: float, total_seconds: float) -> Record:
        """Return what happened."""
        at = self.progress.counters
        entries = self.entries()
        latency = self.log.latency[: int(at.decisions[0])].copy()
        return Record(
            time=self.log.time[entries],
            kind=self.log.kind[entries],
            pod=self.log.pod[entries],
            node=self.log.node[entries],
            devices=self.log.devices[entries],
            pod_class=self.pods.pod_class.copy(),
            rejections=self.rejections(),
            capacity_changes=self.capacity_changes,
            horizon=float(at.now[0]),
            digest=self._digest(entries),
            notes=self.notes(),
            filters_off=self.filters_off(),
            wall=WallClock(
                schedule_seconds=float(latency.sum()) / 1e9,
                total_seconds=total_seconds,
                compile_seconds=compile_seconds,
                decisions=len(latency),
                latency_ns=latency,
                peak_rss_bytes=peak_rss_bytes(),
            ),
        )

    def entries(self) -> NDArray[np.int64]:
        """Return the entries of the log in causal order, int64[event]."""
        return np.arange(self.progress.counters.logged[0])

    def _digest(self, entries: NDArray[np.int64]) -> str:
        """Hash the bindings in the order in which they were made."""
        made = entries[self.log.kind[entries] == EventKind.BIND]
        return placement_digest(
            self.log.pod[made], self.log.node[made], self.log.devices[made]
        )


@contextlib.contextmanager
def telling(policy: Policy) -> Iterator[None]:
    """Raise PolicyError, naming the policy, for what goes wrong in its code."""
    try:
        yield
    except ValueError as error:
        if "NaN score" in str(error):
            raise PolicyError(f"{policy.spec} scored a node NaN") from error
        raise
    except NumbaError as error:
        reason = " ".join(str(error).strip().splitlines()[:4])
        raise PolicyError(
            f"{policy.spec} cannot be compiled by numba: {reason}"
        ) from error


def peak_rss_bytes() -> int:
    """Return the highest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
