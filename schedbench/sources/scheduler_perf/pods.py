"""The pods of a workload as they are created, changed and deleted, op by op."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schedbench.errors import InputError
from schedbench.objects.decode import decode_object
from schedbench.objects.defaults import default_pod
from schedbench.objects.pod import Pod
from schedbench.objects.policy import PriorityClass
from schedbench.objects.selectors import matches_labels
from schedbench.objects.workload import PodStream, PodUpdate
from schedbench.sources.scheduler_perf.names import Names
from schedbench.sources.scheduler_perf.plan import Rendered

CREATIONS_PER_SECOND = 5000.0
"""How fast pods are created: the QPS of upstream's client (`mustSetupScheduler` in
test/integration/scheduler_perf/util.go: "client rate limit is set to 5000")."""


@dataclasses.dataclass(slots=True)
class Segment:
    """Pods created together; `template` indexes the templates of all pods."""

    namespace: str
    template: NDArray[np.int32]
    names: list[str]
    arrival: NDArray[np.float64]
    measured: bool
    deletion: NDArray[np.float64]


class PodColumns:
    """Pods over distinct templates."""

    def __init__(self, names: Names) -> None:
        self.templates: list[Pod] = []
        self.segments: list[Segment] = []
        self._updates: list[tuple[float, int, int, int]] = []
        self._places: dict[tuple[str, bytes], int] = {}
        self._names = names
        self._positions: dict[str, tuple[int, int]] = {}
        self._indexed = 0

    def add(
        self,
        rendered: Rendered,
        source: str,
        namespace: str,
        time: float,
        priority_classes: Mapping[str, PriorityClass],
    ) -> Segment:
        """Create at least one pod, not measured yet, one after another from `time`."""
        places = np.array(
            [
                self.place(document, source, namespace, priority_classes)
                for document in rendered.documents
            ],
            dtype=np.int32,
        )
        template = places[rendered.which]
        metas = [self.templates[place].metadata for place in places]
        names = []
        for which, given in zip(rendered.which.tolist(), rendered.names, strict=True):
            name = self._names.take(given, metas[which], "Pod", namespace)
            metas[which].name = metas[which].name or name
            names.append(f"{namespace}/{name}")
        count = len(template)
        segment = Segment(
            namespace,
            template,
            names,
            time + np.arange(count) / CREATIONS_PER_SECOND,
            False,
            np.full(count, np.inf),
        )
        self.segments.append(segment)
        return segment

    def labels(self, segment: Segment) -> Mapping[str, str]:
        """Return the labels of a segment's first pod."""
        return self.templates[int(segment.template[0])].metadata.labels

    def update(self, name: str, template: int, time: float) -> None:
        """Give the pod `namespace/name` another template.

        Raises
        ------
        InputError
            If there is no such pod.
        """
        for number in range(self._indexed, len(self.segments)):
            for position, known in enumerate(self.segments[number].names):
                self._positions[known] = number, position
        self._indexed = len(self.segments)
        found = self._positions.get(name)
        if found is None:
            raise InputError("no such pod", value=name, fix="create it before")
        self._updates.append((time, *found, template))
        meta = self.templates[template].metadata
        meta.name = meta.name or name.partition("/")[2]

    def delete(
        self, namespace: str, selector: Mapping[str, str], time: float, rate: float
    ) -> tuple[int, int]:
        """Delete pods in order of creation, `rate` a second (0 = at once).

        Returns how many are deleted, and how many stay because of finalizers.
        """
        metas = [template.metadata for template in self.templates]
        fits = np.array([matches_labels(selector, meta.labels) for meta in metas], bool)
        held = np.array([bool(meta.finalizers) for meta in metas], bool)
        deleted = kept = 0
        for segment in self.segments:
            if segment.namespace != namespace:
                continue
            chosen = fits[segment.template] & np.isinf(segment.deletion)
            stays = held[segment.template]
            kept += int(np.sum(chosen & stays))
            where = np.flatnonzero(chosen & ~stays)
            order = np.arange(deleted + 1, deleted + 1 + len(where))
            segment.deletion[where] = time + (order / rate if rate else 0.0)
            deleted += len(where)
        return deleted, kept

    def stream(
        self, node_slots: Mapping[str, int]
    ) -> tuple[PodStream, list[PodUpdate]]:
        """Return all pods in order of creation, and their changes in order of time.

        Raises
        ------
        InputError
            If a pod is bound to a node that is not among `node_slots`.
        """
        segments = self.segments
        lengths = [len(segment.template) for segment in segments]
        arrival = _joined([segment.arrival for segment in segments], np.float64)
        order = np.argsort(arrival, kind="stable")
        template = _joined([segment.template for segment in segments], np.int32)[order]
        deletion = _joined([segment.deletion for segment in segments], np.float64)
        measured = np.repeat([segment.measured for segment in segments], lengths)
        names = [name for segment in segments for name in segment.names]
        used = np.zeros(len(self.templates), bool)
        used[template] = True
        slots = [
            _slot_of(pod, node_slots) if arrives else -1
            for pod, arrives in zip(self.templates, used.tolist(), strict=True)
        ]
        stream = PodStream.of(
            self.templates,
            template,
            arrival=arrival[order],
            deletion=deletion[order],
            node=np.array(slots, np.int32)[template],
            measured=measured.astype(np.bool_)[order],
            names=[names[position] for position in order.tolist()],
        )
        return stream, self._ordered_updates(lengths, order)

    def _ordered_updates(
        self, lengths: Sequence[int], order: NDArray[np.intp]
    ) -> list[PodUpdate]:
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        starts = np.cumsum([0, *lengths])
        return [
            PodUpdate(time, int(rank[starts[number] + position]), template)
            for time, number, position, template in sorted(
                self._updates, key=lambda update: update[0]
            )
        ]

    def place(
        self,
        document: dict[str, Any],
        source: str,
        namespace: str,
        priority_classes: Mapping[str, PriorityClass],
    ) -> int:
        """Return the index of the template that the document is.

        Raises
        ------
        InputError
            If the document is no pod, or names a priority class that is not there.
        """
        key = namespace, msgspec.json.encode(document)
        found = self._places.get(key)
        if found is None:
            pod = decode_object(document, source)
            if not isinstance(pod, Pod):
                raise InputError(
                    "expected a Pod",
                    source=source,
                    value=document.get("kind"),
                    fix="name another template",
                )
            pod.metadata.namespace = namespace
            default_pod(pod, priority_classes)
            found = self._places[key] = len(self.templates)
            self.templates.append(pod)
        return found


def _slot_of(pod: Pod, node_slots: Mapping[str, int]) -> int:
    name = pod.spec.node_name
    if not name:
        return -1
    slot = node_slots.get(name)
    if slot is None:
        raise InputError(
            "no such node",
            where=f"Pod {pod.key} spec.nodeName",
            value=name,
            fix="create the node, or leave nodeName out",
        )
    return slot


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
