"""Stretches of a run in which no waiting pod moves, played by the compiled loop."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.errors import TimeLimitError
from schedbench.objects.pod import Pod
from schedbench.simulation import loop
from schedbench.simulation.columns import NO_NODE, Log, Pods, Progress
from schedbench.simulation.prepare import grow_log
from schedbench.simulation.queued.cluster import QueuedCluster
from schedbench.simulation.queued.idle_volumes import IdleVolumes
from schedbench.simulation.queued.parked import ParkedPods
from schedbench.simulation.record import EventKind
from schedbench.simulation.run import telling

DECISIONS_PER_CALL = 5_000


class CompiledStretch:
    """The compiled loop, as far as it comes to the same as the queue.

    While nobody may be popped, the queue hands out pods in the order in which they
    arrive, and while events help no waiting pod, nobody looks at them. So the compiled
    loop may go on up to the first pod that fits nowhere, that is special, or whose
    coming or going moves another, and up to the time of a change or of a timer.

    Attributes
    ----------
    is_special : bool[pod]
        Pods that need more than filters and scores at some time: gates, groups,
        volumes, a nomination, another profile.
    usable
        Whether the loop may be run at all.
    parked
        The pods that wait.
    """

    def __init__(self, cluster: QueuedCluster, engine: str) -> None:
        self.cluster = cluster
        workload = cluster.encoded.workload
        stream = workload.pods
        templates = np.array(
            [self._is_special_pod(pod) for pod in stream.templates], dtype=np.bool_
        )
        self.is_special: NDArray[np.bool_] = templates[stream.template]
        for update in workload.pod_updates:
            self.is_special[update.pod] |= templates[update.template]
        order = cluster.pods.order
        self.idle = IdleVolumes(cluster)
        idle = self._is_idle(templates)
        halts = self.is_special & ~idle
        halts = (halts | self._comes_before_others())[order]
        self._special_times = np.append(cluster.pods.arrival[order[halts]], np.inf)
        self._idle_times = np.append(cluster.pods.arrival[order[idle[order]]], np.inf)
        self._has_volumes = idle
        self._can_run = (
            engine != "explain"
            and cluster.policy.compiled
            and len(cluster.world.sessions) == 1
            and not self._may_share_ports()
        )
        self._run_loop = cluster.session.specialized(loop.run_loop)
        self.parked = ParkedPods(cluster)
        images_may_change = any(
            node.status.images
            for node in (
                *cluster.encoded.initial_nodes,
                *(event.node for event in workload.node_events),
            )
        ) and bool(cluster.encoded.workload.node_events)
        self.usable = self._can_run and not images_may_change

    def compile(self) -> None:
        """Compile the loop, or load it, without running anything."""
        if self._can_run:
            self._step(-np.inf)

    def run(self, until: float, deadline: float | None) -> None:
        """Play what comes before a time, as far as that is possible.

        The pod that found no node, if there is one, waits afterwards.
        """
        cluster = self.cluster
        if not self.usable:
            return
        arrival = cluster.next_arrival()
        if cluster.world.nominated or arrival == np.inf:
            return
        at = cluster.progress.counters
        pod = cluster.pods.order[at.next_arrival[0]]
        if cluster.fails(int(cluster.pods.pod_class[pod])) or cluster.is_full_for(pod):
            return
        limit = min(until, _first_from(self._special_times, arrival))
        if not arrival < limit or not arrival < (limit := self.parked.until(limit)):
            return
        room = self.idle.room()
        if not room:
            limit = min(limit, _first_from(self._idle_times, arrival))
            if not arrival < limit:
                return
        self._play(limit, until, deadline)

    def _play(self, limit: float, until: float, deadline: float | None) -> None:
        """Let the loop run up to a time, in steps that no volume limit cuts short."""
        cluster = self.cluster
        at = cluster.progress.counters
        first, outcome = int(at.logged[0]), loop.LIMIT_REACHED
        while outcome in {loop.LOG_FULL, loop.LIMIT_REACHED}:
            most = self.idle.room() or DECISIONS_PER_CALL
            outcome = self._step(limit, min(most, DECISIONS_PER_CALL))
            if outcome == loop.LOG_FULL:
                cluster.log = grow_log(cluster.log)
            if outcome == loop.LIMIT_REACHED and most < DECISIONS_PER_CALL:
                self._note(first)
                first = int(at.logged[0])
                if not self.idle.room():
                    return
            if deadline is not None and time.monotonic() > deadline:
                done = int(at.decisions[0])
                raise TimeLimitError(f"time limit reached after {done} decisions")
        if outcome == loop.STUCK or len(cluster.queue) or self._goes_on(until):
            self._note(first)
        if outcome == loop.STUCK:
            cluster.wait(int(cluster.pods.order[at.next_arrival[0] - 1]))

    def _is_idle(self, is_special: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the pods that are special for volumes alone that decide nothing."""
        workload = self.cluster.encoded.workload
        stream = workload.pods
        found = np.zeros(len(stream.templates), dtype=np.bool_)
        for template in np.flatnonzero(is_special).tolist():
            pod = stream.templates[template]
            if uses_volumes(pod) and not self._is_special_pod(pod, volumes=False):
                found[template] = self.idle.add(pod)
        idle: NDArray[np.bool_] = found[stream.template] & (stream.node < 0)
        idle[[update.pod for update in workload.pod_updates]] = False
        return idle

    def _comes_before_others(self) -> NDArray[np.bool_]:
        """Return the pods that the loop may try before the rest of an instant has come.

        These are pods that come bound, to a node that may be gone.
        """
        workload = self.cluster.encoded.workload
        removed = any(event.change == "remove" for event in workload.node_events)
        return np.asarray((workload.pods.node >= 0) & removed)

    def _may_share_ports(self) -> bool:
        """Return whether pods that come bound may share a host port on a node.

        The loop counts who holds a port, where the queue has a set of those held.
        """
        encoded = self.cluster.encoded
        comes_bound = encoded.workload.pods.node >= 0
        has_ports = np.diff(encoded.classes.port_start) > 0
        return bool((comes_bound & has_ports[encoded.class_of]).any())

    def step(
        self, pods: Pods, progress: Progress, log: Log, limit: float, decisions: int
    ) -> int:
        """Let the loop run on columns, up to the first pod that fits nowhere."""
        cluster = self.cluster
        progress.counters.halting[0] = 1
        cluster.world.walk.look()
        cluster.memory.look()
        with telling(cluster.policy):
            outcome: int = self._run_loop(
                cluster.session.state,
                cluster.session.compiled,
                pods,
                progress,
                log,
                cluster.session.scratch,
                cluster.memory.index,
                limit,
                decisions,
            )
        return outcome

    def _step(self, limit: float, decisions: int = DECISIONS_PER_CALL) -> int:
        at = self.cluster
        return self.step(at.pods, at.progress, at.log, limit, decisions)

    def _goes_on(self, until: float) -> bool:
        cluster = self.cluster
        coming = min(cluster.next_arrival(), cluster.next_departure())
        return bool(min(until, coming) < np.inf)

    def _note(self, first: int) -> None:
        """Let the world know who came to which node and who went."""
        cluster = self.cluster
        entries = np.arange(first, int(cluster.progress.counters.logged[0]))
        kind, pod = cluster.log.kind[entries], cluster.log.pod[entries]
        node = cluster.log.node[entries]
        binds = kind == EventKind.BIND
        cluster.entry[pod[binds]] = entries[binds]
        came = pod[binds]
        columns = (entries[binds], node[binds], self._has_volumes[came])
        for entry, slot, has_volumes in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            placed = cluster.made(entry) if has_volumes else None
            if placed is not None:
                cluster.world.register(placed)
            elif not has_volumes:
                cluster.world.later(slot, entry)
        goes = (kind == EventKind.FINISH) | (kind == EventKind.DELETE)
        for gone in pod[goes & (node != NO_NODE)].tolist():
            cluster.forget(gone)
        for gone in pod[goes & (node == NO_NODE)].tolist():
            cluster.give_up(gone)
        cluster.version += bool((node != NO_NODE).any())

    def _is_special_pod(self, pod: Pod, *, volumes: bool = True) -> bool:
        return bool(
            pod.spec.scheduling_gates
            or pod.spec.scheduling_group is not None
            or pod.status.nominated_node_name
            or (volumes and uses_volumes(pod))
            or (_names_nodes(pod) and not self._filters_names(pod))
            or self.cluster.world.profile(pod) is None
        )

    def _filters_names(self, pod: Pod) -> bool:
        """Return whether NodeAffinity filters what its PreFilter narrows down."""
        settings = self.cluster.world.profile(pod)
        return (
            settings is not None
            and settings.runs("NodeAffinity", "preFilter")
            and "NodeAffinity" in settings.profile.filters
        )


def _first_from(times: NDArray[np.float64], time: float) -> float:
    """Return the first of some times, in order, that is not before another."""
    return float(times[np.searchsorted(times, time)])


def _names_nodes(pod: Pod) -> bool:
    """Return whether a pod's required node affinity names nodes one by one."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None:
        return False
    required = affinity.required_during_scheduling_ignored_during_execution
    return required is not None and any(
        term.match_fields for term in required.node_selector_terms
    )
