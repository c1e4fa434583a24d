"""One pod before a cluster as it is: all that a single decision depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.encode import encode
from schedbench.cluster.layout import ClusterState, PodClasses
from schedbench.cluster.least_counts import find_least_counts
from schedbench.cluster.volume_objects import uses_volumes
from schedbench.objects.pod import Pod
from schedbench.objects.workload import PodStream, Workload
from schedbench.plugins.gpu_share import choose_devices
from schedbench.scheduler.dry_run import PlacedPod
from schedbench.scheduler.narrowing import pre_filter
from schedbench.scheduler.nearest.misses import Miss, Slots, nearest_misses
from schedbench.scheduler.nearest.variants import Variant, variants
from schedbench.scheduler.profiles import Settings
from schedbench.scheduler.room import crowded
from schedbench.scheduler.storage import VolumesBeside
from schedbench.scheduler.world import World


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """A pod that waits, the cluster, and the pod with each thing changed.

    Attributes
    ----------
    world
        The cluster; pods that are nominated to nodes are known, but not this one.
    pod, pod_class
        The pod and its class.
    changes
        The changed pods and their classes.
    """

    world: World
    pod: Pod
    pod_class: int
    changes: Sequence[tuple[Variant, int]]

    def nominate(self) -> None:
        """Let the pod be nominated to the node that its status names."""
        slot = self.world.slots.get(self.pod.status.nominated_node_name or "")
        self.world.nominate(self.pod, self.pod_class, slot)

    def misses(self) -> list[Miss]:
        """Return which single changes of the pod would open more nodes to it."""
        session = self.world.session(self.pod)
        return nearest_misses(session, self.pod_class, self.changes, self._beside)

    def _beside(self, pod: Pod, pod_class: int, slots: Slots) -> Slots:
        """Return which of some nodes pass what stands outside of the columns."""
        world = self.world
        settings = world.profile(pod)
        assert settings is not None
        narrowed = pre_filter(world, settings, pod)
        if narrowed.stopped is not None:
            return slots[:0]
        if narrowed.allowed is not None:
            slots = slots[np.isin(slots, list(narrowed.allowed))]
        closed = set(crowded(world, settings, pod, pod_class))
        if uses_volumes(pod):
            beside = VolumesBeside(world.volumes, settings, pod)
            closed |= beside.rejections(slots.tolist(), {}).keys()
        return slots[~np.isin(slots, list(closed))] if closed else slots


def take_snapshot(
    workload: Workload, index: int, settings: Mapping[str, Settings], seed: int
) -> Snapshot:
    """Encode a cluster with its bound pods, one that waits, and its variants.

    Other waiting pods are left out, but for those that are nominated to a node.

    Parameters
    ----------
    index
        The pod's place in the workload.
    settings
        schedulerName → profile; the pod's is among them.
    """
    pods = workload.pods
    pod = named(pods, index)
    changed = variants(pod, workload.nodes)
    bound = np.flatnonzero(pods.node >= 0)
    waiting = [
        each
        for each in np.flatnonzero(pods.node < 0).tolist()
        if each != index and _template(pods, each).status.nominated_node_name
    ]
    kept = [*bound.tolist(), *waiting, index]
    stream = _stream(pods, kept, [variant.pod for variant in changed])
    encoded = encode(dataclasses.replace(workload, pods=stream, node_events=()))
    world = World(encoded, settings, seed)
    of_bound = encoded.class_of[: len(bound)]
    devices = put_all(world, of_bound, pods.node[bound])
    starts = [_started(template) for template in pods.templates]
    for place, each in enumerate(bound.tolist()):
        world.register(
            PlacedPod(
                named(pods, each),
                int(of_bound[place]),
                int(pods.node[each]),
                starts[pods.template[each]],
                devices.get(place, 0),
            )
        )
    classes = encoded.class_of[len(bound) :].tolist()
    for each, pod_class in zip(waiting, classes, strict=False):
        other = named(pods, each)
        slot = world.slots.get(other.status.nominated_node_name or "")
        world.nominate(other, pod_class, slot)
    its_class, *others = classes[len(waiting) :]
    return Snapshot(world, pod, its_class, list(zip(changed, others, strict=True)))


def put_all(
    world: World,
    pod_class: NDArray[np.int32],
    node: NDArray[np.int32],
    held: Mapping[int, int] | None = None,
) -> Mapping[int, int]:
    """Let many pods come to their nodes at once, as one bind after another would.

    Parameters
    ----------
    pod_class, node : int32[pods]
        Class and slot of each pod.
    held
        Place of the pod → the GPU devices that it has got; chosen here if None.

    Returns
    -------
    Place of the pod → the GPU devices it holds, as bits; those without are left out.
    """
    devices: dict[int, int] = {}
    for session in world.sessions.values():
        state, classes = session.state, session.compiled.classes
        np.add.at(state.requested.T, node, classes.request[pod_class])
        np.add.at(state.nonzero.T, node, classes.nonzero_bound[pod_class])
        for each, nodes in _by_class(pod_class, node):
            _count_ports(state, classes, each, nodes)
            _count_domains(state, classes, each, nodes)
        find_least_counts(state.domains)
        devices = _take_devices(state, classes, pod_class, node, held)
    return devices


def _by_class(
    pod_class: NDArray[np.int32], node: NDArray[np.int32]
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    order = np.argsort(pod_class, kind="stable")
    found, first = np.unique(pod_class[order], return_index=True)
    last = [*first[1:], len(order)]
    for each, here in zip(found.tolist(), zip(first, last, strict=False), strict=True):
        yield each, node[order[slice(*here)]]


def _count_ports(
    state: ClusterState, classes: PodClasses, pod_class: int, nodes: NDArray[np.int32]
) -> None:
    first, last = classes.port_start[pod_class : pod_class + 2]
    for port in classes.ports[first:last]:
        state.port_used[port, nodes] = 1


def _count_domains(
    state: ClusterState, classes: PodClasses, pod_class: int, nodes: NDArray[np.int32]
) -> None:
    domains = state.domains
    for i in range(classes.add_start[pod_class], classes.add_start[pod_class + 1]):
        counter = classes.adds[i]
        here = nodes[domains.eligible[domains.mask[counter], nodes] > 0]
        domain = domains.domain[domains.key[counter], here]
        domain = domain[domain >= 0]
        places = domains.start[counter] + domain
        np.add.at(domains.counts, places, classes.add_weight[i])
        domains.total[counter] += len(domain) * classes.add_weight[i]


def _take_devices(
    state: ClusterState,
    classes: PodClasses,
    pod_class: NDArray[np.int32],
    node: NDArray[np.int32],
    held: Mapping[int, int] | None,
) -> dict[int, int]:
    found = {}
    for place in np.flatnonzero(classes.gpu_count[pod_class] > 0).tolist():
        its_class, slot = np.int64(pod_class[place]), np.int64(node[place])
        if held is None:
            found[place] = int(choose_devices(state, classes, its_class, slot))
        else:
            found[place] = held[place]
        state.gpu_tags[classes.gpu_tag[its_class], slot] += 1
        for device in range(len(state.gpu_free)):
            if found[place] >> device & 1:
                state.gpu_free[device, slot] -= classes.gpu_milli[its_class]
    return found


def named(pods: PodStream, index: int) -> Pod:
    """Return a pod of a stream, with its own name."""
    pod = _template(pods, index)
    namespace, _, name = pods.name(index).partition("/")
    meta = msgspec.structs.replace(pod.metadata, namespace=namespace, name=name)
    return msgspec.structs.replace(pod, metadata=meta)


def _template(pods: PodStream, index: int) -> Pod:
    return pods.templates[int(pods.template[index])]


def _stream(pods: PodStream, kept: Sequence[int], more: Sequence[Pod]) -> PodStream:
    """Return some pods of a stream and others behind them, which wait."""
    used, template = np.unique(pods.template[kept], return_inverse=True)
    templates = [*(pods.templates[each] for each in used), *more]
    numbers = np.arange(len(used), len(templates))
    nodes = np.full(len(more), -1, dtype=np.int32)
    return PodStream.of(
        templates,
        np.concatenate([template, numbers]).astype(np.int32),
        node=np.concatenate([pods.node[kept], nodes]),
    )


def _started(pod: Pod) -> float:
    start = pod.status.start_time
    return float("inf") if start is None else datetime.fromisoformat(start).timestamp()
