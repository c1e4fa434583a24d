"""Cluster autoscaler: nodes come for pods that fit nowhere, and go when hardly used.

Source: cluster-autoscaler's FAQ (github.com/kubernetes/autoscaler). It looks every scan
interval while pods are unschedulable or nodes may go, and otherwise does nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import msgspec

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Answer, Api, WatchEvent
from schedbench.controlplane.autoscaler_marks import (
    is_open,
    is_unschedulable,
    moved,
    tainted,
    untainted,
)
from schedbench.controlplane.controllers.informers import Informers
from schedbench.controlplane.controllers.owned import controller_of
from schedbench.controlplane.controllers.pods_by_node import PodsByNode
from schedbench.controlplane.fitting import Room, all_placed, placed
from schedbench.controlplane.latency import Draws, Latency
from schedbench.controlplane.parameters import ClusterAutoscalingParameters
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
NO_SCALE_DOWN = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
TERMINAL = frozenset({"Succeeded", "Failed"})


@dataclasses.dataclass(frozen=True, slots=True)
class NodePool:
    """Equal nodes of which there may be more or fewer.

    Attributes
    ----------
    name
        Names its nodes: `name-number`.
    template
        What a node of it is like.
    min_size, max_size
        Bounds of their number.
    provisioning
        From the order to the node's registration, in seconds: an assumption, clouds
        say minutes at most.
    """

    name: str
    template: Node
    min_size: int = 0
    max_size: int = 1000
    provisioning: Latency = Latency(60.0, 180.0)


class ClusterAutoscaler:
    """Adds nodes to pools and takes them away.

    Attributes
    ----------
    ordered
        Nodes that are on their way, with the time of their order.
    """

    def __init__(
        self,
        clock: Clock,
        api: Api,
        parameters: ClusterAutoscalingParameters,
        seed: int,
        pools: Sequence[NodePool],
        *,
        register: Callable[[Node], None] | None = None,
        release: Callable[[str], None] | None = None,
    ) -> None:
        """Come up.

        Parameters
        ----------
        clock, api, parameters, seed
            As everywhere.
        pools
            What may grow and shrink.
        register
            Called with a machine that has booted, which is to register itself; without
            it the node is created here.
        release
            Called with the name of a node whose machine is given back.
        """
        self._clock, self._api, self._parameters = clock, api, parameters
        self._draws = Draws(seed, "cluster-autoscaler")
        self._pools = {pool.name: pool for pool in pools}
        self._register, self._release = register, release
        self._numbers = dict.fromkeys(self._pools, 0)
        self.ordered: dict[str, tuple[str, float]] = {}
        self._informers: Informers | None = None
        self.start()

    def start(self) -> None:
        """Come up, with nothing known."""
        if self._informers is not None:
            return
        informers = self._informers = Informers(self._clock, self._api)
        self._pending: dict[str, Pod] = {}
        self._unneeded: dict[str, float] = {}
        self._leaving: dict[str, None] = {}
        self._fresh: dict[str, float] = {}
        self._grown_at = -math.inf
        self._is_changed = True
        self._timer: Timer | None = None
        self._nodes = informers["Node"]
        self._by_node = PodsByNode(informers)
        informers.listen("Pod", self._pod_seen)
        informers.listen("Node", self._node_seen)

    def stop(self) -> None:
        """Crash; machines that were ordered come all the same."""
        if self._informers is not None:
            self._informers.stop()
            self._informers = None
            if self._timer is not None:
                self._timer.cancel()

    @property
    def settled(self) -> bool:
        """Whether no node is on its way."""
        return not self.ordered

    def pool_of(self, node: str) -> NodePool | None:
        """Return the pool of a node, told by its name."""
        return self._pools.get(node.rpartition("-")[0])

    def size(self, pool: str) -> int:
        """Return how many nodes a pool has, those on their way included."""
        names = {n.metadata.name for n in self._nodes} | self.ordered.keys()
        return sum(
            name.rpartition("-")[0] == pool and name not in self._leaving
            for name in names
        )

    def _pod_seen(self, event: WatchEvent) -> None:
        pod, key = event.object, event.key
        assert isinstance(pod, Pod)
        self._pending.pop(key, None)
        if event.type != "DELETED" and is_unschedulable(pod):
            self._pending[key] = pod
            self._arm()
        if pod.spec.node_name and (event.type != "MODIFIED" or moved(event)):
            self._is_changed = True
            self._arm()

    def _node_seen(self, event: WatchEvent) -> None:
        name = event.object.metadata.name
        self._is_changed = True
        if event.type == "DELETED":
            self._arm()
            for known in (self._unneeded, self._leaving, self._fresh):
                known.pop(name, None)
            return
        if event.type == "ADDED":
            if self.ordered.pop(name, None) is not None:
                self._fresh[name] = math.inf
            self._arm()
        if self._fresh.get(name) == math.inf and is_open(event.object):
            self._fresh[name] = self._clock.now

    def _arm(self, time: float = 0.0) -> None:
        """Have a scan at the first beat from a time on, and after now."""
        interval, now = self._parameters.scan_interval, self._clock.now
        beat = (math.floor(now / interval) + 1) * interval
        beat = max(beat, math.ceil(time / interval) * interval)
        if self._timer is not None:
            if self._timer.time <= beat:
                return
            self._timer.cancel()
        self._timer = self._clock.at(beat, self._scan)

    def _scan(self) -> None:
        self._timer = None
        self._give_up_orders()
        grown = self._scale_up()
        if self._is_changed:
            self._is_changed = False
            self._find_unneeded()
        if not grown and not self._pending:
            self._scale_down()
        if self._pending:
            self._arm()
        else:
            self._wait_for_unneeded()

    def _wait_for_unneeded(self) -> None:
        """Look again when the next node may go; one that may not waits for changes."""
        own, now = self._parameters, self._clock.now
        earliest = self._grown_at + own.scale_down_delay_after_add
        times = [
            max(since + own.scale_down_unneeded_time, earliest)
            for since in self._unneeded.values()
        ]
        soonest = min((time for time in times if time > now), default=math.inf)
        if soonest < math.inf:
            self._arm(soonest)

    def _give_up_orders(self) -> None:
        limit = self._parameters.max_node_provision_time
        for name, (_, since) in list(self.ordered.items()):
            if self._clock.now - since > limit:
                del self.ordered[name]

    def _scale_up(self) -> bool:
        """Order nodes for pending pods that fit into none on its way."""
        rooms = self._upcoming()
        pods = sorted(self._pending.values(), key=lambda pod: pod.key)
        pods = [pod for pod in pods if not placed(pod, rooms)]
        grown = False
        while pods:
            options = []
            for pool in self._pools.values():
                room = Room(pool.template, ())
                if self.size(pool.name) >= pool.max_size:
                    continue
                helped = [pod for pod in pods if room.take(pod)]
                if helped:
                    options.append((pool, helped, room.waste()))
            if not options:
                break
            pool, helped, _ = self._expand(options)
            self._order(pool)
            grown = True
            taken = {pod.key for pod in helped}
            pods = [pod for pod in pods if pod.key not in taken]
        if grown:
            self._grown_at = self._clock.now
        return grown

    def _upcoming(self) -> list[Room]:
        """Return the nodes on their way, as they will be.

        So are those that are not ready yet, or only since two scans: the scheduler has
        not come to think of them (`getUpcomingNodeInfos`, core/static_autoscaler.go).
        """
        since = self._clock.now - 2 * self._parameters.scan_interval
        self._fresh = {name: at for name, at in self._fresh.items() if at > since}
        rooms = [
            Room(self._pools[pool].template, ()) for pool, _ in self.ordered.values()
        ]
        for name in self._fresh:
            pool = self.pool_of(name)
            if pool is not None:
                rooms.append(Room(pool.template, self._by_node.of(name).values()))
        return rooms

    def _expand(
        self, options: list[tuple[NodePool, list[Pod], float]]
    ) -> tuple[NodePool, list[Pod], float]:
        match self._parameters.expander:
            case "random":
                return options[self._draws.choice(len(options))]
            case "most-pods":
                return max(options, key=lambda option: len(option[1]))
            case "least-waste":
                return min(options, key=lambda option: option[2])

    def _order(self, pool: NodePool) -> None:
        self._numbers[pool.name] += 1
        name = f"{pool.name}-{self._numbers[pool.name]}"
        while name in self._nodes.store or name in self.ordered:
            self._numbers[pool.name] += 1
            name = f"{pool.name}-{self._numbers[pool.name]}"
        self.ordered[name] = (pool.name, self._clock.now)
        delay = self._draws.seconds(pool.provisioning)
        self._clock.after(delay, self._booted, pool, name)

    def _booted(self, pool: NodePool, name: str) -> None:
        meta = pool.template.metadata
        labels = {**meta.labels, "kubernetes.io/hostname": name}
        meta = msgspec.structs.replace(meta, name=name, labels=labels)
        node = msgspec.structs.replace(pool.template, metadata=meta)
        if self._register is not None:
            self._register(node)
        else:
            self._api.create(node)

    def _find_unneeded(self) -> None:
        """Note since when each node has been hardly used, with room elsewhere."""
        rooms = {
            node.metadata.name: Room(
                node, self._by_node.of(node.metadata.name).values()
            )
            for node in self._nodes
            if isinstance(node, Node) and node.metadata.name not in self._leaving
        }
        threshold = self._parameters.scale_down_utilization_threshold
        found: dict[str, float] = {}
        for name, room in rooms.items():
            if self.pool_of(name) is None or room.utilization() >= threshold:
                continue
            if room.node.metadata.annotations.get(NO_SCALE_DOWN) == "true":
                continue
            pods = self._movable(name)
            others = [other for key, other in rooms.items() if key != name]
            if pods is None or not all_placed(pods, others):
                continue
            found[name] = self._unneeded.get(name, self._clock.now)
        self._unneeded = found

    def _movable(self, node: str) -> list[Pod] | None:
        """Return the pods that a drain moves, or None if one of them must stay."""
        moved = []
        for pod in self._by_node.of(node).values():
            reference = controller_of(pod)
            if pod.status.phase in TERMINAL:
                continue
            if reference is not None and reference.kind in {"DaemonSet", "Node"}:
                continue
            safe = pod.metadata.annotations.get(SAFE_TO_EVICT)
            if safe == "false" or (reference is None and safe != "true"):
                return None
            moved.append(pod)
        return moved

    def _scale_down(self) -> None:
        """Drain nodes long unneeded: all empty ones, but one of the others at once."""
        own, now = self._parameters, self._clock.now
        if now - self._grown_at < own.scale_down_delay_after_add:
            return
        for name, since in list(self._unneeded.items()):
            pool = self.pool_of(name)
            if pool is None or now - since < own.scale_down_unneeded_time:
                continue
            if self.size(pool.name) <= pool.min_size:
                continue
            pods = self._movable(name)
            if pods is None or (pods and self._leaving):
                continue
            del self._unneeded[name]
            self._leaving[name] = None
            self._api.patch("Node", "", name, tainted)
            self._drain(name)

    def _drain(self, name: str) -> None:
        """Evict what is left on a node; delete the node when nothing is."""
        if self._informers is None or name not in self._leaving:
            return
        pods = self._movable(name)
        if pods is None:
            del self._leaving[name]
            self._api.patch("Node", "", name, untainted)
            return
        if not pods:
            self._api.delete("Node", "", name, lambda answer: self._gone(name, answer))
            return
        for pod in pods:
            if pod.metadata.deletion_timestamp is None:
                self._api.evict(pod.metadata.namespace, pod.metadata.name)
        self._clock.after(self._parameters.scan_interval, self._drain, name)

    def _gone(self, name: str, answer: Answer) -> None:
        error = answer.error
        if error is not None and error.reason != "NotFound":
            self._clock.after(self._parameters.scan_interval, self._drain, name)
        elif self._release is not None:
            self._release(name)
