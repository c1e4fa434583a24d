"""Rules for PodGroups and CompositePodGroups, and what their fields come to.

Source: kubernetes scheduling.k8s.io v1beta1 and v1alpha3 (KEP-4671, KEP-5732); these
kinds are newer than v1.34.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schedbench.errors import InputError
from schedbench.objects.defaults import SYSTEM_PRIORITY_CLASSES
from schedbench.objects.pod import Pod
from schedbench.objects.policy import (
    CompositePodGroup,
    DisruptionMode,
    PodGroup,
    PriorityClass,
)

AnyPodGroup = PodGroup | CompositePodGroup


class GroupKey(NamedTuple):
    """Which group: a PodGroup and a CompositePodGroup may have one name."""

    namespace: str
    name: str
    composite: bool = False


def key_of(group: AnyPodGroup) -> GroupKey:
    """Return the key of a group."""
    meta = group.metadata
    composite = isinstance(group, CompositePodGroup)
    return GroupKey(meta.namespace or "default", meta.name, composite)


def group_of(pod: Pod) -> GroupKey | None:
    """Return the group that a pod names, in its own namespace; None if it names none.

    The group need not exist.
    """
    named = pod.spec.scheduling_group
    if named is None or not named.pod_group_name:
        return None
    return GroupKey(pod.metadata.namespace or "default", named.pod_group_name)


def parent_of(group: AnyPodGroup) -> GroupKey | None:
    """Return the composite group that a group belongs to, which need not exist."""
    name = group.spec.parent_composite_pod_group_name
    return GroupKey(group.metadata.namespace or "default", name, True) if name else None


def min_count(group: AnyPodGroup) -> int:
    """Return how many pods, or child groups, must be placed: 1 unless it is a gang."""
    if isinstance(group, CompositePodGroup):
        composite = group.spec.scheduling_policy.gang
        return 1 if composite is None else composite.min_group_count
    gang = group.spec.scheduling_policy.gang
    return 1 if gang is None else gang.min_count


def is_gang(group: AnyPodGroup) -> bool:
    """Return whether the group is placed all or nothing."""
    return group.spec.scheduling_policy.gang is not None


def topology_key(group: AnyPodGroup) -> str | None:
    """Return the node label whose one value all pods of the group share, if any."""
    constraints = group.spec.scheduling_constraints
    if constraints is None or not constraints.topology:
        return None
    return constraints.topology[0].key


def evicted_as_one(group: AnyPodGroup) -> bool:
    """Return whether preemption evicts all pods of the group or none."""
    mode = group.spec.disruption_mode
    if isinstance(mode, DisruptionMode):
        return mode.all is not None
    return mode == "PodGroup"


def default_pod_group(
    group: AnyPodGroup, priority_classes: Mapping[str, PriorityClass] = {}
) -> AnyPodGroup:
    """Fill in what the API server would, in place, and return the group.

    A group that names no priority class, where none is the default, stays without a
    priority: its pods' own count then (upstream: 0).

    Raises
    ------
    InputError
        If the group names a priority class that does not exist.
    """
    group.metadata.namespace = group.metadata.namespace or "default"
    spec, classes = group.spec, priority_classes
    if spec.priority is not None:
        return group
    if spec.priority_class_name:
        known = {**classes, **SYSTEM_PRIORITY_CLASSES}
        if spec.priority_class_name not in known:
            raise InputError(
                "no such priority class",
                where=f"{type(group).__name__} {group.key} spec.priorityClassName",
                value=spec.priority_class_name,
                fix="add the PriorityClass object",
            )
        spec.priority = known[spec.priority_class_name].value
    else:
        values = [one.value for one in classes.values() if one.global_default]
        spec.priority = min(values, default=None)
    return group


def check_pod_group(group: AnyPodGroup) -> None:
    """Refuse what the API server refuses about one group.

    Raises
    ------
    InputError
        If policies or modes exclude each other, a minimum is not positive, there is
        more than one topology constraint, or the group is its own parent.
    """
    spec = group.spec
    policy = spec.scheduling_policy
    if policy.basic is not None and policy.gang is not None:
        raise InputError(
            "basic and gang exclude each other",
            where="spec.schedulingPolicy",
            fix="keep one of them",
        )
    if min_count(group) < 1:
        composite = isinstance(group, CompositePodGroup)
        raise InputError(
            "a gang needs at least one",
            where="spec.schedulingPolicy.gang."
            + ("minGroupCount" if composite else "minCount"),
            value=min_count(group),
            fix="give 1 or more",
        )
    constraints = spec.scheduling_constraints
    if constraints is not None:
        if len(constraints.topology) > 1:
            raise InputError(
                "more than one topology constraint",
                where="spec.schedulingConstraints.topology",
                value=[one.key for one in constraints.topology],
                fix="keep one of them",
            )
        if any(not one.key for one in constraints.topology):
            raise InputError(
                "topology constraint without a key",
                where="spec.schedulingConstraints.topology[0].key",
                value="",
                fix="name a node label, such as topology.kubernetes.io/zone",
            )
    mode = spec.disruption_mode
    if isinstance(mode, DisruptionMode) and (mode.single is None) == (mode.all is None):
        raise InputError(
            "not one of single and all",
            where="spec.disruptionMode",
            fix="give either single: {} or all: {}",
        )
    if parent_of(group) == key_of(group):
        raise InputError(
            "the group is its own parent",
            where="spec.parentCompositePodGroupName",
            value=group.metadata.name,
            fix="name another group, or none",
        )


def check_hierarchy(groups: Iterable[AnyPodGroup]) -> None:
    """Refuse groups that are their own ancestors; a missing parent is waited for.

    Raises
    ------
    InputError
        If there is a circle.
    """
    parents = {key_of(group): parent_of(group) for group in groups}
    for start in parents:
        path = [start]
        while (above := parents.get(path[-1])) is not None:
            if above in path:
                circle = [*path[path.index(above) :], above]
                raise InputError(
                    "groups are each other's parents",
                    where=f"CompositePodGroup {above.namespace}/{above.name}",
                    value=" → ".join(key.name for key in circle),
                    fix="let one of them have no parent",
                )
            path.append(above)
