"""Which events help a pod that was refused for its volumes, a sentence a case."""

from __future__ import annotations

from typing import Any

import pytest
from naive.queue_objects import (
    WEB,
    ZONE,
    Doc,
    HintCase,
    helped,
    make,
    node,
    pod,
    sentences,
    there,
)

from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod
from schedbench.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    VolumeAttachment,
)


def claiming(name: str = "data", namespace: str = "default", **more: Any) -> Pod:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
    return pod(volumes=[volume], namespace=namespace, **more)


def claim(name: str = "data", namespace: str = "default") -> PersistentVolumeClaim:
    made: PersistentVolumeClaim = make(
        PersistentVolumeClaim, name, meta={"namespace": namespace}
    )
    return made


def disk(kind: str, **more: Any) -> list[Doc]:
    return [{"name": "v", kind: more}]


def csi_node(count: int | None = None, migrated: str = "") -> CSINode:
    note = {"storage.alpha.kubernetes.io/migrated-plugins": migrated}
    driver = {"name": "csi", "allocatable": {"count": count}}
    made: CSINode = make(
        CSINode, "node-0", meta={"annotations": note}, spec={"drivers": [driver]}
    )
    return made


EPHEMERAL = pod(
    volumes=[{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]
)
GCE = {"pdName": "disk"}
CASES: dict[str, list[HintCase]] = {
    "VolumeRestrictions": [
        ("any new node", claiming(), None, node(), True),
        ("its claim comes", claiming(), None, claim(), True),
        ("another claim comes", claiming(), None, claim("x"), False),
        (
            "a claim of that name in another namespace",
            claiming(),
            None,
            claim(namespace="b"),
            False,
        ),
        ("its claim is updated", claiming(), claim(), claim(), False),
        ("a user of the claim goes", claiming(), claiming(on="node-0"), None, True),
        (
            "a user of another claim goes",
            claiming(),
            claiming("x", on="node-0"),
            None,
            False,
        ),
        (
            "a user of the disk goes",
            pod(volumes=disk("gcePersistentDisk", **GCE)),
            there(volumes=disk("gcePersistentDisk", **GCE)),
            None,
            True,
        ),
        (
            "all read the disk only",
            pod(volumes=disk("gcePersistentDisk", readOnly=True, **GCE)),
            there(volumes=disk("gcePersistentDisk", readOnly=True, **GCE)),
            None,
            False,
        ),
        (
            "an AWS disk is free",
            pod(volumes=disk("awsElasticBlockStore", volumeID="a")),
            there(volumes=disk("awsElasticBlockStore", volumeID="a")),
            None,
            True,
        ),
        (
            "an iSCSI disk is free",
            pod(volumes=disk("iscsi", iqn="a")),
            there(volumes=disk("iscsi", iqn="a")),
            None,
            True,
        ),
        (
            "a Ceph image is free",
            pod(volumes=disk("rbd", monitors=["a", "b"], image="i")),
            there(volumes=disk("rbd", monitors=["b"], image="i")),
            None,
            True,
        ),
        (
            "a Ceph image of other monitors is free",
            pod(volumes=disk("rbd", monitors=["a"], image="i")),
            there(volumes=disk("rbd", monitors=["b"], image="i")),
            None,
            False,
        ),
    ],
    "NodeVolumeLimits": [
        ("a CSINode comes", claiming(), None, csi_node(), True),
        ("a driver can attach more", claiming(), csi_node(1), csi_node(2), True),
        ("a driver can attach less", claiming(), csi_node(2), csi_node(1), False),
        (
            "a placed pod with a claim goes",
            claiming(),
            claiming("x", on="node-0"),
            None,
            True,
        ),
        ("a placed pod without volumes goes", claiming(), there(), None, False),
        (
            "a waiting pod with a claim goes",
            claiming(),
            pod("other", volumes=disk("persistentVolumeClaim", claimName="x")),
            None,
            False,
        ),
        ("its claim comes", claiming(), None, claim(), True),
        (
            "the claim of its ephemeral volume comes",
            EPHEMERAL,
            None,
            claim("waiting-v"),
            True,
        ),
        ("another claim comes", claiming(), None, claim("x"), False),
        ("a volume is detached", claiming(), make(VolumeAttachment), None, True),
        (
            "a volume is detached, but the pod has none",
            pod(),
            make(VolumeAttachment),
            None,
            False,
        ),
        (
            "a volume of its inline disk's driver is detached",
            pod(volumes=disk("awsElasticBlockStore", volumeID="a")),
            make(VolumeAttachment, spec={"attacher": "ebs.csi.aws.com"}),
            None,
            True,
        ),
        ("a new node", claiming(), None, node(), False),
    ],
    "VolumeBinding": [
        ("any new node", claiming(), None, node(), True),
        ("a node gets labels", claiming(), node(), node(WEB), True),
        ("a node grows", claiming(), node(), node(None, {"cpu": "8"}), False),
        ("its claim comes", claiming(), None, claim(), True),
        ("its claim is bound", claiming(), claim(), claim(), True),
        ("another claim is bound", claiming(), claim("x"), claim("x"), False),
        (
            "the claim of its ephemeral volume comes",
            EPHEMERAL,
            None,
            claim("waiting-v"),
            True,
        ),
        ("any volume comes", claiming(), None, make(PersistentVolume), True),
        (
            "any volume changes",
            claiming(),
            make(PersistentVolume),
            make(PersistentVolume),
            True,
        ),
        ("a volume goes", claiming(), make(PersistentVolume), None, False),
        ("a class comes", claiming(), None, make(StorageClass), True),
        (
            "a class allows other topologies",
            claiming(),
            make(StorageClass),
            make(
                StorageClass,
                allowedTopologies=[
                    {"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}
                ],
            ),
            True,
        ),
        (
            "a class gets other parameters",
            claiming(),
            make(StorageClass),
            make(StorageClass, parameters={"a": "b"}),
            False,
        ),
        ("a CSINode comes", claiming(), None, csi_node(), True),
        (
            "a CSINode tells other migrated plugins",
            claiming(),
            csi_node(),
            csi_node(migrated="aws"),
            True,
        ),
        ("a CSINode tells another limit", claiming(), csi_node(1), csi_node(2), False),
        ("a capacity comes", claiming(), None, make(CSIStorageCapacity), True),
        (
            "a capacity grows",
            claiming(),
            make(CSIStorageCapacity, capacity="1Gi"),
            make(CSIStorageCapacity, capacity="2Gi"),
            True,
        ),
        (
            "a capacity shrinks",
            claiming(),
            make(CSIStorageCapacity, capacity="2Gi"),
            make(CSIStorageCapacity, capacity="1Gi"),
            False,
        ),
        (
            "a capacity grows but its volumes may not",
            claiming(),
            make(CSIStorageCapacity, capacity="1Gi", maximumVolumeSize="1Gi"),
            make(CSIStorageCapacity, capacity="2Gi", maximumVolumeSize="1Gi"),
            False,
        ),
        (
            "its driver no longer tells capacity",
            pod(volumes=disk("csi", driver="d")),
            make(CSIDriver, "d", spec={"storageCapacity": True}),
            make(CSIDriver, "d"),
            True,
        ),
        (
            "its driver begins to tell capacity",
            pod(volumes=disk("csi", driver="d")),
            make(CSIDriver, "d"),
            make(CSIDriver, "d", spec={"storageCapacity": True}),
            False,
        ),
        (
            "another driver no longer tells capacity",
            pod(volumes=disk("csi", driver="e")),
            make(CSIDriver, "d", spec={"storageCapacity": True}),
            make(CSIDriver, "d"),
            False,
        ),
        ("a placed pod goes", claiming(), there(), None, False),
    ],
    "VolumeZone": [
        ("any new node", claiming(), None, node(), True),
        ("a node gets labels", claiming(), node(), node(WEB), True),
        ("its claim changes", claiming(), claim(), claim(), True),
        ("another claim changes", claiming(), claim("x"), claim("x"), False),
        (
            "the claim of its ephemeral volume comes",
            EPHEMERAL,
            None,
            claim("waiting-v"),
            False,
        ),
        (
            "a class that binds late comes",
            claiming(),
            None,
            make(StorageClass, volumeBindingMode="WaitForFirstConsumer"),
            True,
        ),
        (
            "a class that binds at once comes",
            claiming(),
            None,
            make(StorageClass, volumeBindingMode="Immediate"),
            False,
        ),
        ("any volume comes", claiming(), None, make(PersistentVolume), True),
        (
            "a volume moves",
            claiming(),
            make(PersistentVolume, meta={"labels": {ZONE: "a"}}),
            make(PersistentVolume, meta={"labels": {ZONE: "b"}}),
            True,
        ),
        (
            "a volume names its zones in another order",
            claiming(),
            make(PersistentVolume, meta={"labels": {ZONE: "a__b"}}),
            make(PersistentVolume, meta={"labels": {ZONE: "b__a"}}),
            False,
        ),
        (
            "a volume gets another label",
            claiming(),
            make(PersistentVolume),
            make(PersistentVolume, meta={"labels": WEB}),
            False,
        ),
    ],
}


@pytest.mark.parametrize(("plugin", "waiting", "old", "new", "helps"), sentences(CASES))
def test_hint(
    plugin: str,
    waiting: Pod,
    old: ApiObject | None,
    new: ApiObject | None,
    helps: bool,
) -> None:
    """The rejected pod is tried again on the events that may help, and no others."""
    assert helped(plugin, waiting, old, new) is helps
