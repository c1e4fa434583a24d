"""Classes of pods interned as the pods come, by what scheduling can see of them.

Pods that differ in what no selector of the cluster mentions, in volumes, or in the
node that their affinity names share a class: labels that nobody can see do not count,
volumes and named nodes stand outside of the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from schedbench.cluster.encode import class_content
from schedbench.cluster.gpu import GPU_COUNT, GPU_MILLI, GPU_MODEL
from schedbench.objects.controllers import (
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import (
    Affinity,
    Container,
    ContainerStatus,
    Pod,
    PodSpec,
    PodStatus,
)
from schedbench.objects.selectors import LabelSelector, NodeSelector
from schedbench.plugins.default_selector import CONTROLLERS

TERMINATING = 1
"""What the class of a pod that is being deleted is more than the pod's own."""
MAX_SPECS = 4096
"""Specs whose encoding is kept."""
NO_SPEC = PodSpec()
_GPU_NOTES = (GPU_COUNT, GPU_MILLI, GPU_MODEL)
_GONE = "1970-01-01T00:00:00Z"
_OWNERS = {kind for _, kind in CONTROLLERS}


class PodClasses:
    """The classes seen so far, two numbers each: as it is, and being deleted.

    Numbers stay as they are until `outdated` says that a label can be seen that could
    not before; `renew` then numbers anew.

    Attributes
    ----------
    pods
        Number → a pod of the class, without what scheduling does not see.
    visible
        Keys of the labels that selectors mention.
    outdated
        Whether there are more of these than when the pods were numbered.
    """

    def __init__(self) -> None:
        self.pods: list[Pod] = []
        self.visible: set[str] = set()
        self.outdated = False
        self._numbers: dict[tuple[bytes, bytes], int] = {}
        self._specs: dict[int, tuple[PodSpec, bytes]] = {}

    def __len__(self) -> int:
        return len(self.pods)

    def number(self, pod: Pod) -> int:
        """Return the number of a pod's class, a new one for a class not seen before."""
        content = self._content(pod)
        found = self._numbers.get(content)
        if found is None:
            seen = self._as_seen(pod)
            found = self._numbers[content] = len(self.pods)
            meta = msgspec.structs.replace(seen.metadata, deletion_timestamp=_GONE)
            self.pods += [seen, msgspec.structs.replace(seen, metadata=meta)]
            self.see(keys_in_pod(pod))
        return found + (pod.metadata.deletion_timestamp is not None)

    def see(self, keys: Iterable[str]) -> None:
        """Let label keys be visible."""
        new = set(keys) - self.visible
        if new:
            self.visible |= new
            self.outdated = bool(self.pods)

    def renew(self, known: Iterable[Pod]) -> None:
        """Forget the numbers; `known` are numbered first, in their order."""
        while True:
            self.pods, self._numbers, self.outdated = [], {}, False
            for pod in known:
                self.number(pod)
            if not self.outdated:
                return

    def _content(self, pod: Pod) -> tuple[bytes, bytes]:
        """Return what is equal for pods of one class, their deletion apart.

        Admission gives equal pods one spec: it is encoded once.
        """
        spec = pod.spec
        known = self._specs.get(id(spec))
        if known is None or known[0] is not spec:
            if len(self._specs) >= MAX_SPECS:
                self._specs.clear()
            known = spec, class_content(Pod(spec=_spec_as_seen(spec)))
            self._specs[id(spec)] = known
        return class_content(self._as_seen(pod, NO_SPEC)), known[1]

    def _as_seen(self, pod: Pod, spec: PodSpec | None = None) -> Pod:
        meta, status = pod.metadata, pod.status
        visible = self.visible
        labels, notes = meta.labels, meta.annotations
        return Pod(
            metadata=ObjectMeta(
                name=meta.name,
                namespace=meta.namespace,
                labels={key: labels[key] for key in labels if key in visible},
                annotations={key: notes[key] for key in _GPU_NOTES if key in notes},
                owner_references=[
                    msgspec.structs.replace(owner, uid=None)
                    for owner in meta.owner_references
                    if owner.controller and owner.kind in _OWNERS
                ],
            ),
            spec=_spec_as_seen(pod.spec) if spec is None else spec,
            status=PodStatus(
                resize=status.resize,
                container_statuses=_resized(status.container_statuses),
                init_container_statuses=_resized(status.init_container_statuses),
            ),
        )


def named_node(spec: PodSpec) -> str | None:
    """Return the one node that the affinity of a pod names, as a DaemonSet's does.

    None where the name cannot be told apart from the rest: other terms or fields
    beside it, or constraints that count the nodes which the affinity lets in.
    """
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity and affinity.required_during_scheduling_ignored_during_execution
    if not required or len(required.node_selector_terms) != 1:
        return None
    fields = required.node_selector_terms[0].match_fields
    if len(fields) != 1 or spec.topology_spread_constraints:
        return None
    field = fields[0]
    one = field.key == "metadata.name" and field.operator == "In"
    return field.values[0] if one and len(field.values) == 1 else None


def _spec_as_seen(spec: PodSpec) -> PodSpec:
    return PodSpec(
        containers=[_container(one) for one in spec.containers],
        init_containers=[_container(one) for one in spec.init_containers],
        resources=spec.resources,
        overhead=spec.overhead,
        node_selector=spec.node_selector,
        affinity=_without_name(spec.affinity) if named_node(spec) else spec.affinity,
        tolerations=spec.tolerations,
        topology_spread_constraints=spec.topology_spread_constraints,
        resource_claims=spec.resource_claims,
        host_network=spec.host_network,
    )


def _container(given: Container) -> Container:
    return Container(
        image=given.image,
        name=given.name,
        resources=given.resources,
        ports=given.ports,
        restart_policy=given.restart_policy,
    )


def _without_name(affinity: Affinity | None) -> Affinity:
    assert affinity is not None
    node = affinity.node_affinity
    assert node is not None
    required = node.required_during_scheduling_ignored_during_execution
    assert required is not None
    term = msgspec.structs.replace(required.node_selector_terms[0], match_fields=[])
    rest = NodeSelector(node_selector_terms=[term]) if term.match_expressions else None
    node = msgspec.structs.replace(
        node, required_during_scheduling_ignored_during_execution=rest
    )
    return msgspec.structs.replace(affinity, node_affinity=node)


def _resized(given: list[ContainerStatus]) -> list[ContainerStatus]:
    return [
        ContainerStatus(
            name=one.name,
            resources=one.resources,
            allocated_resources=one.allocated_resources,
        )
        for one in given
        if one.resources or one.allocated_resources
    ]


def keys_in_pod(pod: Pod) -> Iterator[str]:
    """Yield the label keys that a pod's terms about other pods mention."""
    affinity = pod.spec.affinity
    for side in (affinity.pod_affinity, affinity.pod_anti_affinity) if affinity else ():
        if side is None:
            continue
        preferred = side.preferred_during_scheduling_ignored_during_execution
        for term in (
            *side.required_during_scheduling_ignored_during_execution,
            *(wish.pod_affinity_term for wish in preferred),
        ):
            yield from _mentioned(term.label_selector)
            yield from term.match_label_keys
            yield from term.mismatch_label_keys
    for constraint in pod.spec.topology_spread_constraints:
        yield from _mentioned(constraint.label_selector)
        yield from constraint.match_label_keys


def keys_in_object(item: KubernetesObject) -> Iterator[str]:
    """Yield the label keys by which an object selects pods that spread by default."""
    if isinstance(item, Service | ReplicationController):
        yield from item.spec.selector
    elif isinstance(item, ReplicaSet | StatefulSet):
        yield from _mentioned(item.spec.selector)


def _mentioned(selector: LabelSelector | None) -> Iterator[str]:
    if selector is not None:
        yield from selector.match_labels
        yield from (one.key for one in selector.match_expressions)
