"""Volumes and claims made along with pods, and the CSI drivers of nodes.

Sources: `CreatePodWithPersistentVolume` and `NodeAllocatableStrategy` in
test/utils/runners.go, `getCustomVolumeFactory` in
test/integration/scheduler_perf/executor.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from schedbench.objects.meta import ObjectMeta, ObjectReference
from schedbench.objects.storage import (
    CSINode,
    CSINodeDriver,
    CSINodeSpec,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimStatus,
    PersistentVolumeStatus,
    VolumeNodeResources,
)
from schedbench.sources.scheduler_perf.operations import NodeAllocatableStrategy
from schedbench.sources.scheduler_perf.plan import Batch, Rendered
from schedbench.sources.scheduler_perf.timeline import decoded

MIGRATED_PLUGINS = "storage.alpha.kubernetes.io/migrated-plugins"
"""Annotation of a CSINode: in-tree plugins whose volumes its drivers serve."""


def with_claims(pods: Rendered) -> Rendered:
    """Return the pods with the volume `vol` alone; pod i claims `pvc-i`."""
    return Rendered(
        [
            _claiming(pods.documents[which], claim_name(index))
            for index, which in enumerate(pods.which.tolist())
        ],
        np.arange(len(pods.which), dtype=np.int32),
        pods.names,
    )


def claim_name(index: int) -> str:
    """Return the name of the claim of an op's i-th pod."""
    return f"pvc-{index}"


def bound_volumes(
    volume: Batch, claim: Batch, namespace: str
) -> Iterator[PersistentVolume | PersistentVolumeClaim]:
    """Yield, for each pod of an op, a claim and a volume that are bound to each other.

    Volume i is called `<namespace>-vol-i`, which is also its CSI handle; the AWS volume
    it stands for is `vol-i`.
    """
    volumes = _shapes(volume, PersistentVolume)
    claims = _shapes(claim, PersistentVolumeClaim)
    replace = msgspec.structs.replace
    for index in range(volume.count):
        base = volumes[volume.objects.which[index]]
        name = f"{namespace}-vol-{index}"
        spec = replace(
            base.spec,
            claim_ref=ObjectReference(
                kind="PersistentVolumeClaim",
                namespace=namespace,
                name=claim_name(index),
            ),
        )
        if spec.csi is not None:
            spec.csi = replace(spec.csi, volume_handle=name)
        elif spec.aws_elastic_block_store is not None:
            disk = spec.aws_elastic_block_store
            spec.aws_elastic_block_store = replace(disk, volume_id=f"vol-{index}")
        asked = claims[claim.objects.which[index]]
        yield replace(
            asked,
            metadata=replace(
                asked.metadata, name=claim_name(index), namespace=namespace
            ),
            spec=replace(asked.spec, volume_name=name),
            status=PersistentVolumeClaimStatus(phase="Bound"),
        )
        yield replace(
            base,
            metadata=replace(base.metadata, name=name),
            spec=spec,
            status=PersistentVolumeStatus(phase="Bound"),
        )


def csi_node(name: str, strategy: NodeAllocatableStrategy) -> CSINode:
    """Return the CSI drivers of a node, and the in-tree plugins they replace."""
    return CSINode(
        metadata=ObjectMeta(
            name=name,
            annotations={MIGRATED_PLUGINS: ",".join(strategy.migrated_plugins)},
        ),
        spec=CSINodeSpec(
            drivers=[
                CSINodeDriver(
                    name=driver,
                    node_id=name,
                    allocatable=VolumeNodeResources(count=limit.count),
                )
                for driver, limit in strategy.csi_node_allocatable.items()
            ]
        ),
    )


def _shapes(batch: Batch, kind: type) -> list[Any]:
    source = batch.template.source
    return [decoded(document, source, kind) for document in batch.objects.documents]


def _claiming(document: dict[str, Any], claim: str) -> dict[str, Any]:
    volume = {"name": "vol", "persistentVolumeClaim": {"claimName": claim}}
    return {**document, "spec": {**(document.get("spec") or {}), "volumes": [volume]}}
