"""The pods of a workload as they are created and deleted, op by op."""

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
from schedbench.objects.workload import PodStream
from schedbench.sources.scheduler_perf.names import Names
from schedbench.sources.scheduler_perf.plan import Batch


@dataclasses.dataclass(slots=True)
class Segment:
    """Pods of one batch; `template` indexes the templates of all pods."""

    namespace: str
    template: NDArray[np.int32]
    names: list[str]
    time: float
    measured: bool
    deletion: NDArray[np.float64]


class PodColumns:
    """Pods over distinct templates."""

    def __init__(self, names: Names) -> None:
        self.templates: list[Pod] = []
        self.segments: list[Segment] = []
        self._places: dict[tuple[str, bytes], int] = {}
        self._names = names

    def add(
        self,
        batch: Batch,
        namespace: str,
        time: float,
        priority_classes: Mapping[str, PriorityClass],
    ) -> Segment:
        """Create a batch of at least one pod, not measured yet."""
        rendered = batch.objects
        places = np.array(
            [
                self._place(
                    document, batch.template.source, namespace, priority_classes
                )
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
        segment = Segment(
            namespace, template, names, time, False, np.full(len(template), np.inf)
        )
        self.segments.append(segment)
        return segment

    def labels(self, segment: Segment) -> Mapping[str, str]:
        """Return the labels of a segment's first pod."""
        return self.templates[int(segment.template[0])].metadata.labels

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

    def stream(self, node_slots: Mapping[str, int]) -> PodStream:
        """Return all pods.

        Raises
        ------
        InputError
            If a pod is bound to a node that is not among `node_slots`.
        """
        segments = self.segments
        lengths = [len(segment.template) for segment in segments]
        template = _joined([segment.template for segment in segments], np.int32)
        slots = [_slot_of(pod, node_slots) for pod in self.templates]
        return PodStream.of(
            self.templates,
            template,
            arrival=np.repeat([segment.time for segment in segments], lengths),
            deletion=_joined([segment.deletion for segment in segments], np.float64),
            node=np.array(slots, np.int32)[template],
            measured=np.repeat(
                np.array([segment.measured for segment in segments], np.bool_), lengths
            ),
            names=[name for segment in segments for name in segment.names],
        )

    def _place(
        self,
        document: dict[str, Any],
        source: str,
        namespace: str,
        priority_classes: Mapping[str, PriorityClass],
    ) -> int:
        """Return the index of the template that the document is."""
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
