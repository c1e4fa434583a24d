"""The pods of a run as API objects: made when asked for, renewed when they change."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from schedbench.cluster.encode import EncodedWorkload
from schedbench.objects.pod import Pod


class PodObjects:
    """The newest version of each pod; in a group it has the group's priority.

    Attributes
    ----------
    template
        Pod → index of its template where that has changed.
    """

    def __init__(
        self, encoded: EncodedWorkload, priority_of: Callable[[Pod], int]
    ) -> None:
        self.stream = encoded.workload.pods
        self._priority_of = priority_of
        self.template: dict[int, int] = {}
        self._made: dict[int, Pod] = {}
        self._index: dict[str, int] = {}

    def __getitem__(self, pod: int) -> Pod:
        """Return a pod without a node."""
        found = self._made.get(pod)
        if found is None:
            found = self._made[pod] = self._new(pod)
            self._index[found.key] = pod
        return found

    def index(self, key: str) -> int:
        """Return the pod of a name, which must have been asked for before."""
        return self._index[key]

    def kind(self, pod: int) -> int:
        """Return what is equal for pods that differ in name alone."""
        return self.template.get(pod, int(self.stream.template[pod]))

    def nominate(self, pod: int, node: str | None) -> Pod:
        """Let a pod's status name a node, or none, and return the new version."""
        found = self[pod]
        status = msgspec.structs.replace(found.status, nominated_node_name=node)
        self._made[pod] = msgspec.structs.replace(found, status=status)
        return self._made[pod]

    def change(self, pod: int, template: int) -> Pod:
        """Give a pod another template and return the new version."""
        nominated = self[pod].status.nominated_node_name
        self.template[pod] = template
        self._made[pod] = self._new(pod)
        return self.nominate(pod, nominated)

    def _new(self, pod: int) -> Pod:
        template = self.stream.templates[self.kind(pod)]
        name = self.stream.name(pod).partition("/")[2]
        meta = msgspec.structs.replace(template.metadata, name=name)
        spec = template.spec
        if spec.scheduling_group is not None:
            priority = self._priority_of(template)
            spec = msgspec.structs.replace(spec, priority=priority)
        return msgspec.structs.replace(template, metadata=meta, spec=spec)


def on_node(pod: Pod, node: str) -> Pod:
    """Return a pod as it is on a node."""
    spec = msgspec.structs.replace(pod.spec, node_name=node)
    return msgspec.structs.replace(pod, spec=spec)
