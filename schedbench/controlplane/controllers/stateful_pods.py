"""The pods of a StatefulSet: their numbers, names, claims and revisions.

Source: kubernetes.io/docs/concepts/workloads/controllers/statefulset.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from schedbench.controlplane.controllers.pods import pod_of
from schedbench.controlplane.controllers.workload import owner_reference
from schedbench.objects.controllers import (
    ControllerRevision,
    ControllerRevisionData,
    ControllerRevisionSpec,
    StatefulSet,
)
from schedbench.objects.meta import ObjectMeta
from schedbench.objects.pod import Pod, PodTemplateSpec
from schedbench.objects.storage import PersistentVolumeClaim
from schedbench.objects.volume import PersistentVolumeClaimVolume, Volume

REVISION = "controller-revision-hash"
POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


class StatefulView:
    """A set with its pods by number.

    Attributes
    ----------
    ordinals
        The numbers that there should be.
    pods
        The pods of these numbers.
    condemned
        The pods of other numbers, the highest first.
    update
        The revision of the template as it is now.
    start, partition
        The first number, and the first that is updated.
    """

    def __init__(self, item: StatefulSet, pods: Sequence[Pod], update: str) -> None:
        self.item, self.every, self.update = item, pods, update
        spec = item.spec
        self.start = spec.ordinals.start if spec.ordinals else 0
        replicas = 1 if spec.replicas is None else spec.replicas
        self.ordinals = range(self.start, self.start + replicas)
        rolling = spec.update_strategy.rolling_update
        self.partition = max(self.start, (rolling and rolling.partition) or 0)
        numbered = {_ordinal(pod): pod for pod in pods}
        self.pods = {n: pod for n, pod in numbered.items() if n in self.ordinals}
        self.condemned = [
            numbered[n] for n in sorted(numbered, reverse=True) if n not in self.pods
        ]

    def outdated(self) -> bool:
        """Return whether a pod that is to be updated has an old revision."""
        return any(
            n >= self.partition and revision_of(pod) != self.update
            for n, pod in self.pods.items()
        )

    def revision_for(self, ordinal: int) -> str:
        """Return the revision that a new pod gets: below the partition the old one."""
        current = self.item.status.current_revision
        rolls = self.item.spec.update_strategy.type != "OnDelete"
        if current and rolls and ordinal < self.partition:
            return current
        return self.update

    @staticmethod
    def revision_object(
        item: StatefulSet, name: str, number: int
    ) -> ControllerRevision:
        """Return what keeps the template."""
        template = item.spec.template or PodTemplateSpec()
        return ControllerRevision(
            metadata=ObjectMeta(
                name=name,
                namespace=item.metadata.namespace,
                labels=dict(template.metadata.labels),
                owner_references=[owner_reference(item)],
            ),
            revision=number,
            data=ControllerRevisionData(spec=ControllerRevisionSpec(template=template)),
        )


def revision_of(pod: Pod) -> str:
    """Return the revision of a pod's template."""
    return pod.metadata.labels.get(REVISION, "")


def pod_of_ordinal(
    item: StatefulSet, ordinal: int, template: PodTemplateSpec, revision: str
) -> Pod:
    """Return the pod of a number: `name-number`, with its own claims for volumes."""
    name = f"{item.metadata.name}-{ordinal}"
    labels = {POD_NAME: name, POD_INDEX: str(ordinal), REVISION: revision}
    pod = pod_of(template, item, name=name, labels=labels)
    claims = item.spec.volume_claim_templates
    if claims:
        own = {claim.metadata.name for claim in claims}
        volumes = [
            *(each for each in template.spec.volumes if each.name not in own),
            *(
                Volume(
                    name=claim.metadata.name,
                    persistent_volume_claim=PersistentVolumeClaimVolume(
                        claim_name=f"{claim.metadata.name}-{name}"
                    ),
                )
                for claim in claims
            ),
        ]
        pod.spec = msgspec.structs.replace(template.spec, volumes=volumes)
    return pod


def claims_of(item: StatefulSet, ordinal: int) -> list[PersistentVolumeClaim]:
    """Return the claims of a pod: `template-name-number`; nobody deletes them."""
    selector = item.spec.selector
    return [
        PersistentVolumeClaim(
            metadata=msgspec.structs.replace(
                claim.metadata,
                name=f"{claim.metadata.name}-{item.metadata.name}-{ordinal}",
                namespace=item.metadata.namespace,
                labels=claim.metadata.labels
                | (selector.match_labels if selector else {}),
            ),
            spec=claim.spec,
        )
        for claim in item.spec.volume_claim_templates
    ]


def _ordinal(pod: Pod) -> int:
    tail = pod.metadata.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1
