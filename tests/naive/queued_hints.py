"""What may help a rejected pod, plugin by plugin, straight from the objects.

After "Scheduling queue" in the documentation of kube-scheduler and the hints of v1.34.
Only what happens in a run is told: pods and nodes come, change and go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from naive import fit, node_affinity
from naive.label_selectors import selects
from naive.node_ports import EVERY_ADDRESS, host_ports
from naive.node_unschedulable import check as unschedulable
from naive.resources import allocatable, pod_requests
from naive.taint_toleration import check as untolerated

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod, PodAffinityTerm, TopologySpreadConstraint
from schedbench.scheduler.queueing.events import Action, Event, Resource

NEW, GONE = Action.ADD, Action.DELETE


def node_changes(old: Node | None, new: Node | None) -> list[Event]:
    """Return the events of a node: one for each thing that changed."""
    if old is None or new is None:
        return [Event(Resource.NODE, NEW if old is None else GONE, old, new)]
    conditions = [{c.type: c.status for c in n.status.conditions} for n in (old, new)]
    changed = {
        Action.NODE_ALLOCATABLE: allocatable(old) != allocatable(new),
        Action.NODE_LABEL: old.metadata.labels != new.metadata.labels,
        Action.NODE_TAINT: old.spec.taints != new.spec.taints
        or (old.spec.unschedulable and not new.spec.unschedulable),
        Action.NODE_CONDITION: conditions[0] != conditions[1],
    }
    return [
        Event(Resource.NODE, action, old, new)
        for action, happened in changed.items()
        if happened
    ]


def pod_changes(old: Pod | None, new: Pod | None) -> list[Event]:
    """Return the events of a pod: one for each thing that changed, or one at all."""
    on_node = bool((new or old or Pod()).spec.node_name)
    about = Resource.ASSIGNED_POD if on_node else Resource.UNSCHEDULED_POD
    if old is None or new is None:
        return [Event(about, NEW if old is None else GONE, old, new)]
    before, after = pod_requests(old), pod_requests(new)
    changed = {
        Action.POD_LABEL: old.metadata.labels != new.metadata.labels,
        Action.POD_SCALE_DOWN: any(after.get(one, -1) < before[one] for one in before),
        Action.POD_GATES_ELIMINATED: len(old.spec.scheduling_gates) > 0
        and len(new.spec.scheduling_gates) == 0,
        Action.POD_TOLERATION: len(old.spec.tolerations) != len(new.spec.tolerations),
    }
    found = [action for action, happened in changed.items() if happened]
    return [Event(about, action, old, new) for action in found or [Action.UPDATE]]


def helps(plugin: str, pod: Pod, event: Event) -> bool:
    """Tell whether the event is reason to try a pod again that the plugin rejected."""
    if event.resource is Resource.NODE:
        judge = ON_NODES.get(plugin)
        return judge is not None and judge(pod, event.action, event.old, event.new)
    judge = ON_PODS.get(plugin)
    return judge is not None and judge(pod, event.action, event.old, event.new)


def _itself(pod: Pod, new: Any) -> bool:
    return new is not None and new.metadata.name == pod.metadata.name


def _cordon(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    if action not in {NEW, Action.NODE_TAINT}:
        return False
    return not new.spec.unschedulable and (old is None or old.spec.unschedulable)


def _taint(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    if action not in {NEW, Action.NODE_TAINT} or untolerated(pod, new, []):
        return False
    return old is None or bool(untolerated(pod, old, []))


def _affinity(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    if action not in {NEW, Action.NODE_LABEL} or node_affinity.check(pod, new, []):
        return False
    return old is None or bool(node_affinity.check(pod, old, []))


def _new(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    return action == NEW


def _new_or_labelled(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    return action in {NEW, Action.NODE_LABEL}


def _room(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether the empty node takes the pod, and is new or larger."""
    if action not in {NEW, Action.NODE_ALLOCATABLE} or fit.check(pod, new, []):
        return False
    if old is None:
        return True
    before, after = allocatable(old), allocatable(new)
    wanted = [name for name, amount in pod_requests(pod).items() if amount]
    return any(after.get(n, 0) > before.get(n, 0) for n in ["pods", *wanted])


def _domain(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether a node comes to the pod's domains, leaves them or changes there."""
    if action not in {NEW, GONE, Action.NODE_LABEL, Action.NODE_TAINT}:
        return False
    keys = [one.topology_key for one in _hard(pod)]
    values = [
        [node.metadata.labels.get(key) for key in keys] if node else [None]
        for node in (old, new)
    ]
    inside = [None not in one for one in values]
    if inside != [True, True]:
        return True in inside
    return values[0] != values[1] or old.spec.taints != new.spec.taints


def _neighbourhood(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether a node enters a wanted domain or leaves one to avoid."""
    if action not in {NEW, Action.NODE_LABEL}:
        return False
    near, away = _terms(pod)
    for key in [term.topology_key for term in near]:
        now = new.metadata.labels.get(key)
        if now is not None and (old is None or old.metadata.labels.get(key) != now):
            return True
    for key in [term.topology_key for term in away]:
        if old is None:
            return True
        was = old.metadata.labels.get(key)
        if was is not None and new.metadata.labels.get(key) != was:
            return True
    return False


def _gates(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    return action == Action.POD_GATES_ELIMINATED and _itself(pod, new)


def _tolerates(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    return action == Action.POD_TOLERATION and _itself(pod, new)


def _tolerates_cordon(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    cordoned = Node()
    cordoned.spec.unschedulable = True
    return _tolerates(pod, action, old, new) and not unschedulable(new, cordoned, [])


def _leaves(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether a pod left a node, or the place meant for it, or became smaller."""
    if action == GONE:
        return bool(old.spec.node_name or old.status.nominated_node_name)
    if action != Action.POD_SCALE_DOWN:
        return False
    before, after = pod_requests(old), pod_requests(new)
    wanted = [name for name, amount in pod_requests(pod).items() if amount]
    less = any(before.get(name, 0) > after.get(name, 0) for name in wanted)
    return _itself(pod, new) or (bool(new.spec.node_name) and less)


def _port(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    if action != GONE:
        return False
    return any(
        mine == theirs and (a == b or EVERY_ADDRESS in {a, b})
        for (a, *mine), (b, *theirs) in product(host_ports(pod), host_ports(old))
    )


def _disk(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether a pod leaves that has a claim of ours."""
    same_space = action == GONE and old.metadata.namespace == pod.metadata.namespace
    return same_space and bool(_claims(pod) & _claims(old))


def _attached(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    return action == GONE and bool(old.spec.node_name) and bool(_claims(old))


def _spread(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether a pod of the namespace begins or ceases to count."""
    if action not in {NEW, GONE, Action.POD_LABEL, Action.POD_TOLERATION}:
        return False
    for one in (old, new):
        if one is None or _itself(pod, one):
            continue
        if not one.spec.node_name or one.metadata.namespace != pod.metadata.namespace:
            return False
    honest = any(one.node_taints_policy == "Honor" for one in _hard(pod))
    if old and new and _itself(pod, new) and honest:
        others = old.spec.tolerations != new.spec.tolerations
        return others or _recounted(pod, old, new)
    return _recounted(pod, old, new)


def _company(pod: Pod, action: Action, old: Any, new: Any) -> bool:
    """Tell whether a placed pod becomes wanted company, or ceases to be unwanted."""
    if action not in {NEW, GONE, Action.POD_LABEL}:
        return False
    if _itself(pod, new):
        return True
    if any(one is not None and not one.spec.node_name for one in (old, new)):
        return False
    near, away = _terms(pod)
    comes = _all_match(near, pod, new) and not _all_match(near, pod, old)
    return comes or (_all_match(away, pod, old) and not _all_match(away, pod, new))


Judge = Callable[[Pod, Action, Any, Any], bool]
ON_NODES: dict[str, Judge] = {
    "NodeUnschedulable": _cordon,
    "NodeName": _new,
    "TaintToleration": _taint,
    "NodeAffinity": _affinity,
    "NodePorts": _new,
    "NodeResourcesFit": _room,
    "VolumeRestrictions": _new,
    "VolumeBinding": _new_or_labelled,
    "VolumeZone": _new_or_labelled,
    "PodTopologySpread": _domain,
    "InterPodAffinity": _neighbourhood,
}
ON_PODS: dict[str, Judge] = {
    "SchedulingGates": _gates,
    "NodeUnschedulable": _tolerates_cordon,
    "TaintToleration": _tolerates,
    "NodePorts": _port,
    "NodeResourcesFit": _leaves,
    "VolumeRestrictions": _disk,
    "NodeVolumeLimits": _attached,
    "PodTopologySpread": _spread,
    "InterPodAffinity": _company,
}


def _hard(pod: Pod) -> list[TopologySpreadConstraint]:
    every = pod.spec.topology_spread_constraints
    return [one for one in every if one.when_unsatisfiable == "DoNotSchedule"]


def _counts(one: TopologySpreadConstraint, pod: Pod, other: Pod | None) -> bool:
    if other is None or not selects(one.label_selector, other.metadata.labels):
        return False
    mine, theirs = pod.metadata.labels, other.metadata.labels
    keys = [key for key in one.match_label_keys if key in mine]
    return all(theirs.get(key) == mine[key] for key in keys)


def _terms(pod: Pod) -> tuple[list[PodAffinityTerm], list[PodAffinityTerm]]:
    affinity = pod.spec.affinity
    near = affinity.pod_affinity if affinity else None
    away = affinity.pod_anti_affinity if affinity else None
    return (
        near.required_during_scheduling_ignored_during_execution if near else [],
        away.required_during_scheduling_ignored_during_execution if away else [],
    )


def _all_match(terms: Sequence[PodAffinityTerm], pod: Pod, other: Pod | None) -> bool:
    if other is None or not terms:
        return False
    space = other.metadata.namespace
    for term in terms:
        own = not term.namespaces and term.namespace_selector is None
        named = [pod.metadata.namespace] if own else term.namespaces
        if space not in named and not selects(term.namespace_selector, {}):
            return False
        if not selects(term.label_selector, other.metadata.labels):
            return False
    return True


def _recounted(pod: Pod, old: Pod | None, new: Pod | None) -> bool:
    return any(_counts(one, pod, old) != _counts(one, pod, new) for one in _hard(pod))


def _claims(pod: Pod) -> set[str]:
    return {
        volume.persistent_volume_claim.claim_name
        for volume in pod.spec.volumes
        if volume.persistent_volume_claim
    }
