"""Many pods as columns over the few that differ."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from schedbench.objects.pod import Pod
from schedbench.objects.volume import Volume
from schedbench.objects.workload import PodStream


def intern_pods(placed: Iterable[tuple[Pod, int]]) -> PodStream:
    """Make a stream of pods that are all there at the start.

    Pods that differ only in what scheduling ignores (name, uid, time of creation,
    messages, volumes without claim or disk) share a template.

    Parameters
    ----------
    placed
        Pods, defaulted, each with the index of the node it is bound to, or -1; only
        the latter are measured.
    """
    templates: list[Pod] = []
    index: dict[bytes, int] = {}
    encoder = msgspec.json.Encoder(order="deterministic")
    template: list[int] = []
    node: list[int] = []
    names: list[str] = []
    for pod, slot in placed:
        view = _without_identity(pod, bound=slot >= 0)
        number = index.setdefault(encoder.encode(view), len(templates))
        if number == len(templates):
            view.metadata.name = pod.metadata.name
            view.metadata.generate_name = pod.metadata.generate_name
            templates.append(view)
        template.append(number)
        node.append(slot)
        names.append(_full_name(pod, len(names)))
    nodes = np.asarray(node, dtype=np.int32)
    return PodStream.of(
        templates, template, node=nodes, measured=nodes < 0, names=names
    )


def _full_name(pod: Pod, position: int) -> str:
    meta = pod.metadata
    return f"{meta.namespace}/{meta.name or f'{meta.generate_name}{position}'}"


def _without_identity(pod: Pod, *, bound: bool) -> Pod:
    """Return the pod without what tells it from its equals and scheduling ignores."""
    meta, spec, status = pod.metadata, pod.spec, pod.status
    volumes = [volume for volume in spec.volumes if _has_source(volume)]
    owns_claims = any(volume.ephemeral is not None for volume in volumes)
    return Pod(
        metadata=msgspec.structs.replace(
            meta,
            name="",
            generate_name=None,
            uid=meta.uid if owns_claims else None,
            creation_timestamp=None,
        ),
        spec=msgspec.structs.replace(spec, node_name=None, volumes=volumes),
        status=msgspec.structs.replace(
            status,
            start_time=status.start_time if bound else None,
            conditions=[
                msgspec.structs.replace(condition, message=None)
                for condition in status.conditions
            ],
        ),
    )


def _has_source(volume: Volume) -> bool:
    return volume != Volume(name=volume.name)
