"""A profile at work on one cluster: the state, the static tables, the changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from schedbench.cluster.encode import EncodedWorkload
from schedbench.cluster.gpu import gpu_devices
from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.state import copy_state, remove_node, set_node
from schedbench.jit import specialize
from schedbench.objects.node import Node
from schedbench.plugins.base import ClusterView
from schedbench.rng import stream_key
from schedbench.scheduler.cycle import Choice, Compiled
from schedbench.scheduler.feasible import FilterSwitches
from schedbench.scheduler.profile import Profile
from schedbench.scheduler.score import make_scratch, normalized_score
from schedbench.scheduler.statics import Statics

TIES = "scheduler/ties"


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
    compiled
        What the compiled cycle reads.
    scratch
        What it writes.
    normalized_score
        The kernel of that name, with the profile's own score compiled in.
    """

    def __init__(self, encoded: EncodedWorkload, profile: Profile, seed: int) -> None:
        self.encoded = encoded
        self.profile = profile
        self.state = copy_state(encoded.state)
        self.nodes = NodeTable(encoded.initial_nodes)
        self.plugins = profile.filter_plugins()
        self.statics = Statics(self.plugins, encoded.static_pods, self.nodes)
        names = {plugin.name for plugin in self.plugins}
        has_gpus = bool((encoded.classes.gpu_count > 0).any())
        self.compiled = Compiled(
            classes=encoded.classes,
            static=self.statics.table,
            columns=profile.columns(encoded.resources, encoded.state),
            switches=FilterSwitches(
                ports="NodePorts" in names,
                resources="NodeResourcesFit" in names,
                gpus="GpuShare" in names and has_gpus,
            ),
            choice=Choice(
                tie=int(profile.tie),
                key=int(np.uint64(stream_key(seed, TIES)).view(np.int64)),
            ),
        )
        self.scratch = make_scratch(len(self.nodes))
        self.normalized_score = self.specialized(normalized_score)

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
            self.encoded.classes,
            self.encoded.resources,
            self.nodes,
            self.encoded.class_pods,
        )

    def join(self, node: Node) -> int:
        """Let a node join or change, and return its slot."""
        slot = self.nodes.slots[node.metadata.name]
        self.nodes.update(slot, node)
        set_node(self.state, slot, self.encoded.allocatable(node), gpu_devices(node))
        self.statics.refresh(slice(slot, slot + 1))
        return slot

    def leave(self, name: str) -> int:
        """Let an empty node leave, and return its slot."""
        slot = self.nodes.slots[name]
        remove_node(self.state, slot)
        return slot
