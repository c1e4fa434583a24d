"""Pods of one kind at the head of the line that make room, or take what they made."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from schedbench.cluster.volume_objects import uses_volumes
from schedbench.errors import InvariantError
from schedbench.policies.base import Policy
from schedbench.scheduler.node_memory import Memory
from schedbench.scheduler.queueing.entry import QueuedPod
from schedbench.scheduler.queueing.events import Action, Event
from schedbench.scheduler.sampling import advance_in_vain
from schedbench.simulation.prepare import grow_log
from schedbench.simulation.queued.cluster import QueuedCluster
from schedbench.simulation.queued.line import Line, Rules
from schedbench.simulation.queued.making_room import play_line
from schedbench.simulation.queued.parked import class_event
from schedbench.simulation.queued.pods import on_node
from schedbench.simulation.queued.policy import search_of, streams_of
from schedbench.simulation.queued.stretch import CompiledStretch

FEWEST, MOST = 8, 4096
"""Pods of a first stretch, and at most; one that was used up is four times as long."""


class CompiledPreemption:
    """Compiled attempts, for pods of a kind of which one was tried before.

    Kernels decide and change the columns; then the queue hears of it, pod by pod. None
    of that comes before the pods in line: those that made room go behind. Where an
    event moves pods that wait aside, it is done for one pod at a time.
    """

    def __init__(
        self,
        cluster: QueuedCluster,
        stretch: CompiledStretch,
        policy: Policy,
        seed: int,
    ) -> None:
        self._cluster = cluster
        self._stretch = stretch
        self._search = search_of(cluster.world, seed)
        self._streams = streams_of(policy, seed)
        self._stuck: tuple[int, Hashable] | None = None
        self._length = FEWEST
        self._gone: dict[int, Event | None] = {}
        self._can_run = (
            stretch.usable and cluster.is_plain and not cluster.world.budgets
        )

    def run(self) -> int:
        """Try the pods at the head of the line, and return how many were tried.

        The first that is not tried needs a look of its own.
        """
        cluster, head = self._cluster, self._cluster.queue.waiting.peek()
        if head is None or not self._can_run or self._stuck == _state(cluster, head):
            return 0
        memory = self._memory(head)
        if memory is None:
            return 0
        is_nominated = head.key in cluster.world.nominated
        if not is_nominated and (
            memory.may_fit or cluster.fails(cluster.class_of(head))
        ):
            return 0
        cluster.world.look()
        memory.catch_up()
        pods = self._pods(head, is_nominated)
        line = self._line(memory, pods)
        self._make_room_in_log(len(pods), memory)
        done = self._play(memory, pods, line, is_nominated)
        self._length = FEWEST if done < len(pods) else min(4 * self._length, MOST)
        following = cluster.queue.waiting.peek()
        if done < len(pods) and following is not None and self._has_room(memory):
            self._stuck = _state(cluster, following)
        return done

    def _memory(self, head: QueuedPod) -> Memory | None:
        """Return what is known for pods like this; None if it is not that simple."""
        cluster, pod = self._cluster, self._cluster.objects.index(head.key)
        if self._stretch.is_special[pod] or head.pod.spec.preemption_policy == "Never":
            return None
        return cluster.world.remembers(head.pod, cluster.class_of(head))

    def _pods(self, head: QueuedPod, is_nominated: bool) -> list[QueuedPod]:
        """Return the pods at the head of the line that are of one kind.

        Of those that back off, one that makes room may come before the others again.
        """
        cluster, waiting = self._cluster, self._cluster.queue.waiting
        parked = self._stretch.parked
        if is_nominated:
            is_alone = parked.moves(cluster.class_of(head))
        else:
            is_alone = parked.any_leaves() or not len(waiting.active)
        found: list[QueuedPod] = []
        for queued in waiting.first(1 if is_alone else self._length):
            if (
                queued.kind != head.kind
                or (queued.key in cluster.world.nominated) != is_nominated
                or self._stretch.is_special[cluster.objects.index(queued.key)]
            ):
                break
            found.append(queued)
        return found

    def _line(self, memory: Memory, pods: Sequence[QueuedPod]) -> Line:
        cluster, count = self._cluster, len(pods)
        nominated = cluster.world.nominated
        slots = [
            nominated[one.key].slot if one.key in nominated else -1 for one in pods
        ]
        index = cluster.objects.index
        return Line(
            pod_class=cluster.class_of(pods[0]),
            changed=cluster.memory.index.log,
            changes=cluster.memory.index.changes,
            now=int(np.float64(cluster.now + 0.0).view(np.int64)),
            pods=np.array([index(one.key) for one in pods], dtype=np.int64),
            is_first=np.array([not one.attempts for one in pods], dtype=np.uint8),
            slot=np.array(slots, dtype=np.int64),
            victims=np.zeros(count, dtype=np.int64),
            rejectors=np.zeros(count, dtype=np.int64),
            whys=np.zeros(len(memory.verdicts), dtype=np.int64),
            found=memory.found,
            node=np.zeros(1, dtype=np.int64),
        )

    def _make_room_in_log(self, pods: int, memory: Memory) -> None:
        """Have room for some victims of each, but at least for one pod."""
        cluster, at = self._cluster, self._cluster.progress.counters
        while (
            at.decisions[0] + pods > len(cluster.log.latency)
            or at.logged[0] + 4 * pods > len(cluster.log.time)
            or not self._has_room(memory)
        ):
            cluster.log = grow_log(cluster.log)

    def _has_room(self, memory: Memory) -> bool:
        """Return whether the log has room for one more pod, whoever goes for it."""
        log, at = self._cluster.log, self._cluster.progress.counters
        most = 2 + memory.occupants.columns.pods.shape[1]
        return bool(
            at.logged[0] + most <= len(log.time) and at.decisions[0] < len(log.latency)
        )

    def _play(
        self,
        memory: Memory,
        pods: Sequence[QueuedPod],
        line: Line,
        is_nominated: bool,
    ) -> int:
        """Let pods make room, or take what they made; tell of it."""
        cluster, session = self._cluster, self._cluster.session
        first = int(cluster.progress.counters.logged[0])
        if not is_nominated:
            memory.keep_lent()
        done = play_line(
            session.state,
            session.compiled.classes,
            memory.question,
            memory.occupants.columns,
            memory.rates,
            self._rules(memory),
            cluster.pods,
            cluster.progress,
            cluster.log,
            line,
        )
        slots = np.unique(line.slot[:done])
        if done and is_nominated:
            self._tell_bound(pods[:done], line, first)
            memory.occupants.follow(slots)
        elif done:
            advance_in_vain(session.compiled.sampling, line.pod_class, int(done))
            cluster.found.update(memory.reasons(line.whys))
            self._tell_preempted(memory, pods[:done], line, first)
            memory.follow(slots)
        return int(done)

    def _rules(self, memory: Memory) -> Rules:
        search, (start, ties) = self._search(0), self._streams
        return Rules(
            walk=memory.walk(search),
            percentage=search.percentage,
            absolute=search.absolute,
            start=int(start),
            ties=0 if ties is None else int(ties),
            random=int(ties is not None),
            plugin=memory.plugin_bits,
        )

    def _tell_preempted(
        self, memory: Memory, pods: Sequence[QueuedPod], line: Line, first: int
    ) -> None:
        """Let world and queue know who failed, who went, and who is nominated."""
        cluster, queue, now = self._cluster, self._cluster.queue, self._cluster.now
        last = int(cluster.progress.counters.logged[0])
        logged = cluster.log.pod[first:last].tolist()
        place = 0
        columns = (line.pods, line.slot, line.victims, line.rejectors)
        for queued, pod, slot, count, rejectors in zip(
            pods, *(column.tolist() for column in columns), strict=False
        ):
            self._pop(queued)
            place += 2 + count
            for victim in logged[place - count : place]:
                self._leave(victim, slot)
            cluster.session.images.touch(slot)
            cluster.version += count
            cluster.tried[queued.key] = cluster.version
            queue.add_unschedulable(queued, memory.plugins(rejectors), now)
            cluster.nominate(pod, slot)

    def _pop(self, queued: QueuedPod) -> None:
        """Pop a pod that has to be the next."""
        if self._cluster.queue.pop(self._cluster.now) is not queued:
            raise InvariantError(f"pod {queued.key} is not the next in line")

    def _leave(self, pod: int, slot: int) -> None:
        """Note a pod that went from a node, as `QueuedCluster.leave` in few steps."""
        cluster = self._cluster
        if cluster.is_known[pod]:
            cluster.is_known[pod] = False
            cluster.world.forget(cluster.objects[pod].key)
        pod_class = int(cluster.pods.pod_class[pod])
        if pod_class not in self._gone:
            like = cluster.encoded.class_pods[pod_class]
            special = uses_volumes(like)
            self._gone[pod_class] = (
                None if special else class_event(like, Action.DELETE)
            )
        event = self._gone[pod_class]
        if event is not None:
            cluster.queue.on_event(event, cluster.now)
        else:
            gone = on_node(cluster.objects[pod], cluster.world.names[slot])
            cluster.queue.observe(gone, None, cluster.now)

    def _tell_bound(self, pods: Sequence[QueuedPod], line: Line, first: int) -> None:
        """Let world and queue know who came to a node."""
        cluster, queue, now = self._cluster, self._cluster.queue, self._cluster.now
        like = cluster.encoded.class_pods[cluster.class_of(pods[0])]
        came = class_event(like, Action.ADD)
        cluster.entry[line.pods[: len(pods)]] = np.arange(first, first + len(pods))
        cluster.version += len(pods)
        for entry, (queued, slot) in enumerate(
            zip(pods, line.slot.tolist(), strict=False), first
        ):
            self._pop(queued)
            cluster.session.images.touch(slot)
            cluster.world.end_nomination(queued.key)
            cluster.world.later(slot, entry)
            queue.done(queued)
            if len(queue.waiting.pool):
                queue.on_event(came, now)


def _state(cluster: QueuedCluster, head: QueuedPod) -> tuple[int, Hashable]:
    return cluster.version, (head.kind, head.key in cluster.world.nominated)
