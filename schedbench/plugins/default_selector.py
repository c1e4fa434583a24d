"""The selector of the Services and the controller that select a pod.

Source: kubernetes v1.34 pkg/scheduler/framework/plugins/helper (DefaultSelector): the
selectors of all Services of the namespace that match the pod, joined with that of its
controller if this is a ReplicationController, ReplicaSet or StatefulSet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.pod import Pod
from schedbench.objects.selectors import LabelSelector, LabelSelectorRequirement

CONTROLLERS = {
    ("v1", "ReplicationController"): ReplicationController,
    ("apps/v1", "ReplicaSet"): ReplicaSet,
    ("apps/v1", "StatefulSet"): StatefulSet,
}
SELECTING = (Service, *CONTROLLERS.values())
"""The kinds of objects that `default_selector` looks at."""


def default_selector(
    pod: Pod, objects: Sequence[KubernetesObject]
) -> LabelSelector | None:
    """Return the joined selector, or None if nothing selects the pod.

    A ReplicationController's labels overwrite those of Services; the selector of a
    ReplicaSet or StatefulSet must hold besides.
    """
    labels = {}
    for service in _in_namespace(pod, Service, objects):
        if service.spec.selector.items() <= pod.metadata.labels.items():
            labels.update(service.spec.selector)
    conditions: list[LabelSelectorRequirement] = []
    owner = next((o for o in pod.metadata.owner_references if o.controller), None)
    kind = CONTROLLERS.get((owner.api_version or "", owner.kind)) if owner else None
    for found in _in_namespace(pod, kind, objects) if kind else ():
        if owner is None or found.metadata.name != owner.name:
            continue
        if isinstance(found, ReplicationController):
            labels.update(found.spec.selector)
        elif found.spec.selector is not None:
            conditions += [
                LabelSelectorRequirement(key=key, operator="In", values=[value])
                for key, value in found.spec.selector.match_labels.items()
            ]
            conditions += found.spec.selector.match_expressions
    if not labels and not conditions:
        return None
    return LabelSelector(match_labels=labels, match_expressions=conditions)


def _in_namespace(
    pod: Pod, kind: type[Any], objects: Sequence[KubernetesObject]
) -> list[Any]:
    return [
        item
        for item in objects
        if isinstance(item, kind) and item.metadata.namespace == pod.metadata.namespace
    ]
