"""Queueing hints: which plugin's rejection may be mended by which event.

Each plugin registers for events; its hint, if it has one, looks at the objects and
tells whether the rejected pod is worth trying again. A plugin without a hint for an
event always wants the pod tried.

Source: `EventsToRegister` of the default plugins of kubernetes v1.34, all with the
feature gates of that release at their defaults (SchedulerQueueingHints is GA).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from schedbench.cluster.pod_groups import PodGroupTable
from schedbench.errors import SchedbenchError
from schedbench.objects.pod import Pod, TopologySpreadConstraint
from schedbench.objects.selectors import NodeSelector
from schedbench.scheduler.queueing import (
    group_hints,
    node_hints,
    pod_hints,
    volume_hints,
)
from schedbench.scheduler.queueing.events import (
    Action,
    Event,
    Interest,
    Resource,
    covers,
)

Hint: TypeAlias = Callable[[Pod, Event], bool]
"""Whether the event may make the rejected pod schedulable."""


@dataclasses.dataclass(frozen=True, slots=True)
class Registration:
    """A plugin's interest in events of one resource; without a hint, in all of them."""

    resource: Resource
    actions: Action
    hint: Hint | None = None

    @property
    def interest(self) -> Interest:
        """What `covers` takes."""
        return self.resource, self.actions


class HintTable:
    """What each plugin of a profile registered for.

    Parameters
    ----------
    registrations
        Plugin name → its registrations.
    """

    def __init__(self, registrations: Mapping[str, Iterable[Registration]]) -> None:
        self._registrations = {
            plugin: tuple(items) for plugin, items in registrations.items()
        }
        self._known: dict[Interest, dict[str, tuple[Hint | None, ...]]] = {}

    def interested(self, event: Event) -> Mapping[str, tuple[Hint | None, ...]]:
        """Return the hints to ask about the event, by plugin."""
        key = (event.resource, event.action)
        found = self._known.get(key)
        if found is None:
            matching = {
                plugin: tuple(one.hint for one in items if covers(one.interest, event))
                for plugin, items in self._registrations.items()
            }
            found = {plugin: hints for plugin, hints in matching.items() if hints}
            self._known[key] = found
        return found

    def helps(self, plugin: str, pod: Pod, event: Event) -> bool:
        """Return whether the event may mend the plugin's rejection of the pod.

        A hint that cannot judge the objects (they are malformed) lets the pod be
        tried rather than stay for ever.
        """
        for hint in self.interested(event).get(plugin, ()):
            if hint is None:
                return True
            try:
                if hint(pod, event):
                    return True
            except SchedbenchError:
                return True
        return False


def default_hints(
    *,
    added_affinity: NodeSelector | None = None,
    spread_defaults: Callable[[Pod], Sequence[TopologySpreadConstraint]] | None = None,
    pod_groups: PodGroupTable | None = None,
) -> HintTable:
    """Return the table of the default plugins.

    Parameters
    ----------
    added_affinity
        The required node affinity of NodeAffinity's `addedAffinity`.
    spread_defaults
        The default constraints, with their selectors, that PodTopologySpread gives a
        pod without constraints of its own.
    pod_groups
        What GangScheduling looks at; that plugin is left out without it.
    """
    node, pod, claim = Resource.NODE, Resource.POD, Resource.CLAIM
    add, delete, update = Action.ADD, Action.DELETE, Action.UPDATE
    affinity = node_hints.NodeAffinityHint(added_affinity)
    spread = pod_hints.SpreadHints(spread_defaults)
    groups = {} if pod_groups is None else _group_registrations(pod_groups)
    return HintTable(
        groups
        | {
            "SchedulingGates": [
                Registration(pod, Action.POD_GATES_ELIMINATED, pod_hints.own_update)
            ],
            "NodeUnschedulable": [
                Registration(
                    node, add | Action.NODE_TAINT, node_hints.became_schedulable
                ),
                Registration(
                    pod, Action.POD_TOLERATION, node_hints.tolerates_unschedulable
                ),
            ],
            "NodeName": [Registration(node, add)],
            "TaintToleration": [
                Registration(
                    node, add | Action.NODE_TAINT, node_hints.became_tolerated
                ),
                Registration(pod, Action.POD_TOLERATION, pod_hints.own_update),
            ],
            "NodeAffinity": [Registration(node, add | Action.NODE_LABEL, affinity)],
            "NodePorts": [
                Registration(pod, delete, pod_hints.freed_port),
                Registration(node, add),
            ],
            "NodeResourcesFit": [
                Registration(
                    pod, delete | Action.POD_SCALE_DOWN, node_hints.freed_resources
                ),
                Registration(node, add | Action.NODE_ALLOCATABLE, node_hints.has_room),
            ],
            "VolumeRestrictions": [
                Registration(pod, delete, volume_hints.freed_volume),
                Registration(node, add),
                Registration(claim, add, volume_hints.claim_of_pod),
            ],
            "NodeVolumeLimits": [
                Registration(Resource.CSI_NODE, add),
                Registration(Resource.CSI_NODE, update, volume_hints.more_attachable),
                Registration(pod, delete, volume_hints.freed_attachment),
                Registration(claim, add, volume_hints.any_claim_of_pod),
                Registration(Resource.VOLUME_ATTACHMENT, delete, volume_hints.detached),
            ],
            "VolumeBinding": [
                Registration(
                    Resource.STORAGE_CLASS,
                    add | update,
                    volume_hints.topologies_changed,
                ),
                Registration(claim, add | update, volume_hints.any_claim_of_pod),
                Registration(Resource.VOLUME, add | update),
                Registration(node, add | Action.NODE_LABEL),
                Registration(
                    Resource.CSI_NODE, add | update, volume_hints.migration_changed
                ),
                Registration(
                    Resource.CSI_DRIVER, update, volume_hints.capacity_check_dropped
                ),
                Registration(
                    Resource.CSI_STORAGE_CAPACITY,
                    add | update,
                    volume_hints.more_capacity,
                ),
            ],
            "VolumeZone": [
                Registration(Resource.STORAGE_CLASS, add, volume_hints.binds_late),
                Registration(node, add | Action.NODE_LABEL),
                Registration(claim, add | update, volume_hints.claim_of_pod),
                Registration(Resource.VOLUME, add | update, volume_hints.zones_changed),
            ],
            "PodTopologySpread": [
                Registration(
                    pod,
                    add | delete | Action.POD_LABEL | Action.POD_TOLERATION,
                    spread.pod_changed,
                ),
                Registration(
                    node,
                    add | delete | Action.NODE_LABEL | Action.NODE_TAINT,
                    spread.node_changed,
                ),
            ],
            "InterPodAffinity": [
                Registration(
                    pod, add | delete | Action.POD_LABEL, pod_hints.affinity_pod_changed
                ),
                Registration(
                    node, add | Action.NODE_LABEL, pod_hints.affinity_node_changed
                ),
            ],
            "DynamicResources": [
                Registration(Resource.RESOURCE_CLAIM, add | update),
                Registration(pod, Action.POD_RESOURCE_CLAIM, pod_hints.own_update),
                Registration(Resource.RESOURCE_SLICE, add | update),
                Registration(Resource.DEVICE_CLASS, add | update),
            ],
        }
    )


def _group_registrations(groups: PodGroupTable) -> dict[str, list[Registration]]:
    """Return those of GangScheduling, which is newer than v1.34."""
    hints = group_hints.GroupHints(groups)
    group, composite = Resource.POD_GROUP, Resource.COMPOSITE_POD_GROUP
    return {
        "GangScheduling": [
            Registration(Resource.UNSCHEDULED_POD, Action.ADD, hints.pod_added),
            Registration(Resource.ASSIGNED_POD, Action.ADD, hints.pod_added),
            Registration(group, Action.ADD, hints.group_added),
            Registration(group, Action.UPDATE, hints.group_changed),
            Registration(composite, Action.ADD, hints.group_added),
        ]
    }
