"""Tests of the volumes, claims and CSI drivers that a scheduler_perf case makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from perf_cases import POD, build, shipped

from schedbench.errors import InputError
from schedbench.objects.storage import (
    CSINode,
    PersistentVolume,
    PersistentVolumeClaim,
)
from schedbench.objects.workload import Workload

VOLUME = """
apiVersion: v1
kind: PersistentVolume
spec:
  accessModes: [ReadOnlyMany]
  capacity: {storage: 1Gi}
  csi: {driver: ebs.csi.aws.com}
"""

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {annotations: {pv.kubernetes.io/bind-completed: "true"}}
spec:
  accessModes: [ReadOnlyMany]
  resources: {requests: {storage: 1Gi}}
"""

OP = (
    "opcode: createPods, count: 2, namespace: a, "
    "persistentVolumeTemplatePath: v.yaml, persistentVolumeClaimTemplatePath: c.yaml"
)


def of_type(found: Workload, kind: type) -> list:
    return [item for item in found.objects if isinstance(item, kind)]


def test_each_pod_has_a_volume_bound_to_its_claim(tmp_path: Path) -> None:
    """Volume and claim name each other, both are bound, the pod names the claim."""
    templated = POD + "  volumes: [{name: other, emptyDir: {}}]\n"
    found = build(
        tmp_path, f"{OP}, podTemplatePath: p.yaml", v=VOLUME, c=CLAIM, p=templated
    )
    volumes = of_type(found, PersistentVolume)
    claims = of_type(found, PersistentVolumeClaim)

    assert [claim.key for claim in claims] == ["a/pvc-0", "a/pvc-1"]
    assert [volume.key for volume in volumes] == ["a-vol-0", "a-vol-1"]
    assert [claim.spec.volume_name for claim in claims] == ["a-vol-0", "a-vol-1"]
    assert {item.status.phase for item in (*claims, *volumes)} == {"Bound"}
    assert claims[0].metadata.annotations == {"pv.kubernetes.io/bind-completed": "true"}
    reference = volumes[1].spec.claim_ref
    assert (reference.kind, reference.namespace, reference.name) == (
        "PersistentVolumeClaim",
        "a",
        "pvc-1",
    )
    assert [volume.spec.csi.volume_handle for volume in volumes] == [
        "a-vol-0",
        "a-vol-1",
    ]
    templates = [found.pods.templates[place] for place in found.pods.template]
    assert [
        [volume.persistent_volume_claim.claim_name for volume in pod.spec.volumes]
        for pod in templates
    ] == [["pvc-0"], ["pvc-1"]]


def test_aws_volumes_are_numbered_within_their_op(tmp_path: Path) -> None:
    """The volume's name has its namespace, the disk's has not."""
    aws = VOLUME.replace(
        "csi: {driver: ebs.csi.aws.com}", "awsElasticBlockStore: {volumeID: x}"
    )
    found = build(tmp_path, OP, v=aws, c=CLAIM)
    volumes = of_type(found, PersistentVolume)

    assert [volume.spec.aws_elastic_block_store.volume_id for volume in volumes] == [
        "vol-0",
        "vol-1",
    ]


def test_claims_of_one_name_are_refused(tmp_path: Path) -> None:
    """Two ops with volumes in one namespace would make the claims twice."""
    with pytest.raises(InputError, match="two PersistentVolumeClaims of one name"):
        build(tmp_path, f"{OP}\n{OP}", v=VOLUME, c=CLAIM)


def test_pod_sets_have_volumes_in_each_namespace(tmp_path: Path) -> None:
    """Each set is an op of its own: its claims, and a second of its own."""
    inner = OP.replace("namespace: a, ", "")
    found = build(
        tmp_path,
        "opcode: createPodSets, namespacePrefix: n, count: 2, "
        f"createPodsOp: {{{inner}}}",
        v=VOLUME,
        c=CLAIM,
    )

    assert [volume.key for volume in of_type(found, PersistentVolume)] == [
        "n-0-vol-0",
        "n-0-vol-1",
        "n-1-vol-0",
        "n-1-vol-1",
    ]
    assert found.pods.arrival.tolist() == pytest.approx([0, 0.0002, 1.0002, 1.0004])


def test_nodes_have_csi_limits_and_migrated_plugins(shared: Path) -> None:
    """The strategy makes a CSINode for each node."""
    found = shipped(shared, "volumes", "SchedulingMigratedInTreePVs/5Nodes")
    nodes = of_type(found, CSINode)
    (driver,) = nodes[0].spec.drivers

    assert [item.metadata.name for item in nodes] == [
        node.metadata.name for node in found.nodes
    ]
    assert (driver.name, driver.node_id) == (
        "ebs.csi.aws.com",
        nodes[0].metadata.name,
    )
    assert driver.allocatable is not None
    assert driver.allocatable.count == 39
    assert nodes[0].metadata.annotations == {
        "storage.alpha.kubernetes.io/migrated-plugins": "kubernetes.io/aws-ebs"
    }


def test_without_migration_the_annotation_is_empty(shared: Path) -> None:
    """Upstream writes it all the same."""
    (node, *_) = of_type(shipped(shared, "volumes", "SchedulingCSIPVs/5Nodes"), CSINode)

    assert node.metadata.annotations == {
        "storage.alpha.kubernetes.io/migrated-plugins": ""
    }
