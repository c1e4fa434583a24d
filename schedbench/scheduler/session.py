"""A profile at work on one cluster: the state, the static tables, the changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schedbench.cluster.domains import DomainTables
from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.gpu import gpu_devices
from schedbench.cluster.images import ImageTable
from schedbench.cluster.layout import PodClasses
from schedbench.cluster.least_counts import find_least_counts
from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.state import copy_state, recount, remove_node, set_node
from schedbench.cluster.terms import no_inter_pod, no_spread
from schedbench.jit import specialize
from schedbench.objects.node import Node
from schedbench.objects.policy import Namespace
from schedbench.plugins.base import ClusterView, ScoreColumns
from schedbench.plugins.gpu_fragmentation import GpuFragmentation
from schedbench.plugins.inter_pod_affinity import InterPodAffinity
from schedbench.plugins.node_affinity import NodeAffinity
from schedbench.plugins.node_resources_fit import NodeResourcesFit
from schedbench.plugins.pod_topology_spread import PodTopologySpread
from schedbench.rng import stream_key
from schedbench.scheduler.cycle import Choice, Compiled, schedule_one
from schedbench.scheduler.feasible import FilterSwitches
from schedbench.scheduler.profile import Profile
from schedbench.scheduler.sampling import ALL_NODES, NodeWalk, Sampling
from schedbench.scheduler.score import make_scratch, normalized_score
from schedbench.scheduler.selecting import selecting
from schedbench.scheduler.statics import Statics

TIES = "scheduler/ties"
DEVICES = "scheduler/devices"


class Session:
    """Everything that scheduling pods of one workload by one profile needs.

    Attributes
    ----------
    encoded
        The workload.
    profile
        The profile.
    state
        The cluster now; bind and release change it.
    nodes
        The node objects now.
    images
        What is known of the images on them.
    walk
        The node list and the start of sampling; None if all nodes are scored always.
    compiled
        What the compiled cycle reads.
    scratch
        What it writes.
    normalized_score, schedule_one
        The kernels of these names, with the profile's own score compiled in.
    """

    def __init__(
        self,
        encoded: EncodedWorkload,
        profile: Profile,
        seed: int,
        walk: NodeWalk | None = None,
    ) -> None:
        """Begin with the nodes of time 0.

        Parameters
        ----------
        walk
            Given by the scheduler whose profiles share it.
        """
        self.encoded = encoded
        self.profile = profile
        self.state = copy_state(encoded.state)
        self.nodes = NodeTable(encoded.initial_nodes)
        self.plugins = profile.filter_plugins()
        self.images = ImageTable(encoded.class_pods, len(self.nodes))
        sampled = profile.percentage < ALL_NODES
        self.walk = NodeWalk(len(self.nodes)) if walk is None and sampled else walk
        for slot in map(int, np.flatnonzero(self.state.alive)):
            self._put(slot, self.nodes.objects[slot])
        self.look()
        self.statics = Statics(
            self.plugins,
            encoded.static_pods,
            self.nodes,
            self.images,
            profile.plugin(NodeAffinity) or NodeAffinity(),
        )
        names = {plugin.name for plugin in self.plugins}
        has_gpus = bool((encoded.classes.gpu_count > 0).any())
        self._tables = DomainTables(self.nodes, len(encoded.class_pods))
        classes = self._tables.contribute(self._with_terms(encoded.classes))
        fit = profile.plugin(NodeResourcesFit)
        if fit is not None:
            classes = fit.prepare(classes, encoded.resources)
        self._count_domains()
        self.compiled = Compiled(
            classes=classes,
            static=self.statics.table,
            columns=self._score_columns(),
            switches=FilterSwitches(
                ports="NodePorts" in names,
                resources="NodeResourcesFit" in names,
                gpus="GpuShare" in names and has_gpus,
            ),
            choice=Choice(
                tie=int(profile.tie),
                key=_key(seed, TIES),
                devices=int(profile.devices),
                device_key=_key(seed, DEVICES),
            ),
            sampling=self._sampling(),
        )
        self.scratch = make_scratch(len(self.nodes))
        self.normalized_score = self.specialized(normalized_score)
        self.schedule_one = self.specialized(schedule_one)

    def _score_columns(self) -> ScoreColumns:
        """Return the profile's scores, with what GpuFragmentation prepares."""
        encoded = self.encoded
        columns = self.profile.columns(encoded.resources, encoded.state)
        fragmentation = self.profile.plugin(GpuFragmentation)
        if fragmentation is None:
            return columns
        return columns._replace(target=fragmentation.prepare(encoded, self.nodes))

    def _sampling(self) -> Sampling:
        """Return what the profile samples, and the nodes that its classes name."""
        if self.walk is None:
            return NodeWalk(0).columns
        affinity = self.profile.plugin(NodeAffinity)
        if affinity is None or affinity.name not in self.profile.filters:
            affinity = None
        slots = self.nodes.slots
        named: list[list[int] | None] = []
        for pod in self.encoded.class_pods:
            names = affinity.named_nodes(pod) if affinity is not None else None
            known = None if names is None else sorted(names & slots.keys())
            named.append(None if known is None else [slots[name] for name in known])
        return self.walk.sampling(self.profile.percentage, named)

    def _with_terms(self, classes: PodClasses) -> PodClasses:
        """Return the classes with the terms of the profile's domain plugins."""
        encoded, filters = self.encoded, self.profile.filters
        pods, objects = encoded.class_pods, encoded.workload.objects
        none, flat = no_inter_pod(len(pods)), no_spread(len(pods))
        affinity = self.profile.plugin(InterPodAffinity)
        if affinity is not None:
            namespaces = {
                item.metadata.name: item.metadata.labels
                for item in objects
                if isinstance(item, Namespace)
            }
            terms = affinity.prepare(pods, namespaces, self._tables)
            if affinity.name not in filters:
                terms = none._replace(scored=terms.scored)
            classes = classes._replace(inter_pod=terms)
        spread = self.profile.plugin(PodTopologySpread)
        if spread is not None:
            constraints = spread.prepare(pods, selecting(objects), self._tables)
            if spread.name not in filters:
                constraints = constraints._replace(hard=flat.hard)
            classes = classes._replace(spread=constraints)
        return classes

    def _count_domains(self) -> None:
        domains = self._tables.state(self.state.alive)
        self.state = self.state._replace(domains=domains)

    def recount(
        self, bound_class: NDArray[np.int32], bound_node: NDArray[np.int32]
    ) -> None:
        """Count the pods per domain anew, after node objects changed.

        Parameters
        ----------
        bound_class, bound_node
            Class and node slot of every bound pod.
        """
        if not len(self._tables):
            return
        self._count_domains()
        domains = self.state.domains
        classes = self.compiled.classes
        domains.counts[:] = recount(domains, classes, bound_class, bound_node)
        for counter in range(len(domains.total)):
            first, last = domains.start[counter], domains.start[counter + 1]
            domains.total[counter] = domains.counts[first:last].sum()
        find_least_counts(domains)

    def specialized(self, function: Any) -> Any:
        """Return a kernel with the profile's own score compiled in, if it has one."""
        if self.profile.custom is None:
            return function
        return specialize(
            function, self.profile.custom_key, user_score=self.profile.custom
        )

    @property
    def view(self) -> ClusterView:
        """What plugins read to explain themselves."""
        return ClusterView(
            self.state,
            self.compiled.classes,
            self.encoded.resources,
            self.nodes,
            self.encoded.class_pods,
        )

    def join(self, node: Node) -> bool:
        """Let a node join or change; return whether a recount is needed."""
        slot = self.nodes.slots[node.metadata.name]
        was_there = self.state.alive[slot]
        self.nodes.update(slot, node)
        self._put(slot, node)
        set_node(self.state, slot, self.encoded.allocatable(node), gpu_devices(node))
        self.statics.refresh(slice(slot, slot + 1))
        fragmentation = self.profile.plugin(GpuFragmentation)
        if fragmentation is not None:
            target = self.compiled.columns.target
            fragmentation.see_node(self.encoded, target, self.nodes, slot)
        alike = was_there and self._tables.counts_alike(self.state.domains, slot)
        return not alike

    def see_images(self, node: Node) -> None:
        """Take in a node of which only the images changed."""
        slot = self.nodes.slots[node.metadata.name]
        self.nodes.objects[slot] = node
        self.images.put(slot, node)

    def leave(self, name: str) -> int:
        """Let an empty node leave, and return its slot."""
        slot = self.nodes.slots[name]
        remove_node(self.state, slot)
        self.images.drop(slot)
        if self.walk is not None:
            self.walk.remove(slot)
        return slot

    def look(self) -> None:
        """See what an attempt that follows changes of nodes sees of them."""
        self.images.look()
        if self.walk is not None:
            self.walk.look()

    def _put(self, slot: int, node: Node) -> None:
        self.images.put(slot, node)
        if self.walk is not None:
            self.walk.add(slot, node)


def _key(seed: int, name: str) -> int:
    """Return the key of a stream as kernels take it."""
    return int(np.uint64(stream_key(seed, name)).view(np.int64))
