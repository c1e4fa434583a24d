"""The rules of the volume plugins, one sentence a case."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.volume_objects import uses_volumes
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.decode import decode_object
from schedbench.objects.pod import Pod
from schedbench.plugins.node_volume_limits import NodeVolumeLimits
from schedbench.plugins.volume_binding import VolumeBinding
from schedbench.plugins.volume_restrictions import VolumeRestrictions
from schedbench.plugins.volume_zone import VolumeZone

Case = dict[str, Any]
ZONE = "topology.kubernetes.io/zone"
BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"
PLUGINS = (VolumeRestrictions(), NodeVolumeLimits(), VolumeBinding(), VolumeZone())
LABELS = {"n0": {ZONE: "a"}, "n1": {ZONE: "b"}, "n2": {}}


def made(kind: str, name: str, space: str = "", **more: Any) -> Any:
    """Return an object; `meta` is its further metadata."""
    meta = {"name": name, "namespace": space, **more.pop("meta", {})}
    return decode_object({"kind": kind, "metadata": meta, **more})


def pod(*volumes: Case, name: str = "pod", space: str = "default") -> Pod:
    """Return a pod with some volumes, named v0, v1 and so on."""
    mounts = [{"name": f"v{i}", **volume} for i, volume in enumerate(volumes)]
    found: Pod = made("Pod", name, space, spec={"volumes": mounts}, meta={"uid": name})
    return found


def mount(name: str) -> Case:
    """Return a volume that a claim stands for."""
    return {"persistentVolumeClaim": {"claimName": name}}


def claim(name: str, size: str = "1Gi", volume: str = "", **more: Any) -> Any:
    """Return a claim of the class `late`, bound if a volume is named."""
    done = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}} if volume else {}
    spec = {
        "storageClassName": "late",
        "resources": {"requests": {"storage": size}},
        "volumeName": volume,
        **more.pop("spec", {}),
    }
    meta = done | more.pop("meta", {})
    kind, space = "PersistentVolumeClaim", more.pop("space", "default")
    return made(kind, name, space, spec=spec, meta=meta, **more)


def volume(name: str, size: str = "1Gi", zone: str = "", **more: Any) -> Any:
    """Return a free volume of the class `late`, reachable from a zone or from all."""
    condition = {"key": ZONE, "operator": "In", "values": [zone]}
    term = {"matchExpressions": [condition]}
    spec = {"capacity": {"storage": size}, "storageClassName": "late"}
    if zone:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    spec |= more.pop("spec", {})
    kind, status = "PersistentVolume", {"phase": "Available"}
    return made(kind, name, spec=spec, status=status, **more)


def late(provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> Any:
    """Return the class `late`, which waits for the first consumer."""
    mode = "WaitForFirstConsumer"
    return made(
        "StorageClass", "late", provisioner=provisioner, volumeBindingMode=mode, **more
    )


def limit(node: str, driver: str, count: int) -> Any:
    """Return a CSINode with the limit of one driver."""
    drivers = [{"name": driver, "allocatable": {"count": count}}]
    return made("CSINode", node, spec={"drivers": drivers})


def world(*objects: Any) -> VolumeWorld:
    """Return a world of three nodes: zones a and b, and none."""
    nodes = [made("Node", n, meta={"labels": labels}) for n, labels in LABELS.items()]
    return VolumeWorld(objects, NodeTable(nodes))


def passing(wanted: Pod, there: VolumeWorld) -> list[int]:
    """Return the slots that pass all volume plugins."""
    slots = np.arange(len(there.nodes))
    for plugin in PLUGINS:
        assert plugin.pre_filter(wanted, there) is None
        slots = slots[plugin.filter_nodes(wanted, there, slots).code == 0]
    return list(slots)


def stop(wanted: Pod, there: VolumeWorld) -> tuple[str, str] | None:
    """Return who stops a pod before the filters, and its words."""
    for plugin in PLUGINS:
        found = plugin.pre_filter(wanted, there)
        if found is not None:
            assert found.unresolvable
            return found.plugin, found.message
    return None


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ({"secret": {"secretName": "s"}}, False),
        ({"configMap": {"name": "c"}}, False),
        ({"emptyDir": {}}, False),
        ({"downwardAPI": {}}, False),
        ({"csi": {"driver": "secrets.example.com"}}, False),
        (mount("c"), True),
        ({"ephemeral": {}}, True),
        ({"azureDisk": {"diskURI": "u"}}, True),
        ({"rbd": {"monitors": ["m"], "image": "i"}}, True),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else str(case),
)
def test_pods_without_storage_need_no_plugin(source: Case, uses: bool) -> None:
    """Only claims and disks concern the plugins."""
    assert uses_volumes(pod(source)) is uses


STOPS = [
    pytest.param(
        [],
        ("VolumeRestrictions", 'persistentvolumeclaim "c" not found'),
        id="a missing claim",
    ),
    pytest.param(
        [claim("c", meta={"deletionTimestamp": "2026-01-01T00:00:00Z"}), late()],
        ("VolumeBinding", 'persistentvolumeclaim "c" is being deleted'),
        id="a claim on its way out",
    ),
    pytest.param(
        [claim("c", volume="gone", status={"phase": "Lost"}), late()],
        (
            "VolumeBinding",
            'persistentvolumeclaim "c" bound to non-existent persistentvolume "gone"',
        ),
        id="a lost claim",
    ),
    pytest.param(
        [claim("c", spec={"volumeName": "v"}), late(), volume("v")],
        ("VolumeBinding", "pod has unbound immediate PersistentVolumeClaims"),
        id="a claim that names a volume but is not bound yet",
    ),
    pytest.param(
        [claim("c")],
        ("VolumeBinding", "pod has unbound immediate PersistentVolumeClaims"),
        id="a claim without a class that waits",
    ),
    pytest.param(
        [claim("c", volume="gone"), late()],
        ("VolumeZone", 'persistentvolume "gone" not found'),
        id="a bound claim without its volume",
    ),
    pytest.param([claim("c"), late()], None, id="a claim that waits is no trouble"),
]


@pytest.mark.parametrize(("objects", "expected"), STOPS)
def test_who_stops_a_pod(objects: list[Any], expected: tuple[str, str] | None) -> None:
    """The first plugin in order speaks."""
    assert stop(pod(mount("c")), world(*objects)) == expected


def test_a_generic_ephemeral_volume_needs_a_claim_of_its_own() -> None:
    """Its claim has to exist and to be owned by the pod."""
    wanted = pod({"ephemeral": {}})
    found = stop(wanted, world(late()))

    assert found is not None
    assert found[1].startswith("waiting for ephemeral volume controller to create the")

    owner = {"name": "pod", "uid": "other", "controller": True}
    there = world(late(), claim("pod-v0", meta={"ownerReferences": [owner]}))
    found = stop(wanted, there)

    assert found is not None
    assert found[1].endswith("default/pod (pod is not owner)")

    owner["uid"] = "pod"
    there = world(late("csi"), claim("pod-v0", meta={"ownerReferences": [owner]}))

    assert passing(wanted, there) == [0, 1, 2]


def test_the_smallest_volume_that_fits_is_taken_and_stays_taken() -> None:
    """Of 5, 2 and 1 Gi, a claim of 2 Gi takes the second; the next one the first."""
    sizes = {"v5": "5Gi", "v2": "2Gi", "v1": "1Gi"}
    there = world(
        late(),
        *(volume(name, size) for name, size in sizes.items()),
        *(claim(name, "2Gi") for name in ("c", "d", "e")),
    )
    for name, taken in (("c", "v2"), ("d", "v5")):
        assert there.reserve(pod(mount(name)), 0) is None
        owner = there.owner_of(there.volumes[taken])
        assert owner is not None
        assert owner.name == name

    assert passing(pod(mount("e")), there) == []
    assert passing(pod(mount("c")), there) == [0, 1, 2]

    there.unreserve(pod(mount("c")))

    assert passing(pod(mount("e")), there) == [0, 1, 2]


def test_two_claims_of_a_pod_do_not_take_the_same_volume() -> None:
    """With one volume a zone, only the zone with two serves both."""
    there = world(
        late(),
        claim("c"),
        claim("d"),
        volume("v0", zone="a"),
        volume("v1", zone="b"),
        volume("v2", zone="b"),
    )

    assert passing(pod(mount("c"), mount("d")), there) == [1]


def test_the_smallest_claim_of_a_pod_chooses_first() -> None:
    """It takes the smaller volume though the larger claim is mounted first."""
    there = world(
        late(),
        claim("large", "2Gi"),
        claim("small", "1Gi"),
        volume("v2", "2Gi"),
        volume("v3", "3Gi"),
    )
    wanted = pod(mount("large"), mount("small"))

    assert there.reserve(wanted, 0) is None

    owners = {name: there.owner_of(item) for name, item in there.volumes.items()}

    assert {name: owner and owner.name for name, owner in owners.items()} == {
        "v2": "small",
        "v3": "large",
    }


def test_a_volume_promised_to_a_claim_goes_first() -> None:
    """It is taken though larger and not available; elsewhere nothing is."""
    ref = {"namespace": "default", "name": "c"}
    there = world(
        late(),
        claim("c"),
        volume("small"),
        volume("mine", "9Gi", "a", spec={"claimRef": ref, "storageClassName": "late"}),
    )

    assert passing(pod(mount("c")), there) == [0]


def test_a_claim_to_be_provisioned_stays_with_its_node() -> None:
    """After Reserve, another pod with the claim passes on that node alone."""
    there = world(late("csi"), claim("c"))

    assert passing(pod(mount("c")), there) == [0, 1, 2]
    assert there.reserve(pod(mount("c")), 1) is None
    assert passing(pod(mount("c")), there) == [1]


def test_topologies_and_capacity_bound_provisioning() -> None:
    """A class may allow zones; a driver may publish how much is left where."""
    zones = [{"matchLabelExpressions": [{"key": ZONE, "values": ["a", "b"]}]}]
    some = {
        "storageClassName": "late",
        "capacity": "1Gi",
        "nodeTopology": {"matchLabels": {ZONE: "b"}},
    }
    there = world(late("csi", allowedTopologies=zones), claim("c", "1Gi"))

    assert passing(pod(mount("c")), there) == [0, 1]

    there.put(made("CSIDriver", "csi", spec={"storageCapacity": True}))

    assert passing(pod(mount("c")), there) == []

    there.put(made("CSIStorageCapacity", "k", "s", **some))

    assert passing(pod(mount("c")), there) == [1]

    there.put(made("CSIStorageCapacity", "k", "s", **some, maximumVolumeSize="1Mi"))

    assert passing(pod(mount("c")), there) == []


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ({ZONE: "a"}, [0, 2]),
        ({ZONE: "b__c"}, [1, 2]),
        ({BETA_ZONE: "a"}, [0, 2]),
        ({BETA_ZONE: "a__"}, [0, 1, 2]),
        ({"topology.kubernetes.io/region": "r"}, [2]),
    ],
    ids=str,
)
def test_zone_labels_of_volumes(label: Case, expected: list[int]) -> None:
    """Sets, old keys and unreadable labels; a node without zone labels passes."""
    there = world(late(), claim("c", volume="v"), volume("v", meta={"labels": label}))

    assert passing(pod(mount("c")), there) == expected


@pytest.mark.parametrize(
    ("mine", "other", "conflict"),
    [
        ({"gcePersistentDisk": {"pdName": "d"}}, {}, True),
        ({"gcePersistentDisk": {"pdName": "d", "readOnly": True}}, {}, True),
        ({"gcePersistentDisk": {"pdName": "d", "readOnly": True}}, None, False),
        ({"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}}, None, True),
        ({"iscsi": {"iqn": "q", "lun": 1}}, {"iscsi": {"iqn": "q", "lun": 2}}, True),
        (
            {"rbd": {"monitors": ["a", "b"], "image": "i"}},
            {"rbd": {"monitors": ["c", "b"], "image": "i"}},
            True,
        ),
        (
            {"rbd": {"monitors": ["a"], "image": "i"}},
            {"rbd": {"monitors": ["c"], "image": "i"}},
            False,
        ),
    ],
    ids=str,
)
def test_disks_of_two_pods(mine: Case, other: Case | None, conflict: bool) -> None:
    """A disk may be shared by readers; `{}` = written, None = the same volume."""
    if other is None:
        other = mine
    elif not other:
        other = {"gcePersistentDisk": {"pdName": "d"}}
    there = world()
    there.add_pod(pod(other, name="other"), 1)

    assert passing(pod(mine), there) == ([0, 2] if conflict else [0, 1, 2])

    there.remove_pod(pod(other, name="other"), 1)

    assert passing(pod(mine), there) == [0, 1, 2]


def test_a_claim_for_one_pod_is_in_use_everywhere() -> None:
    """Every node is rejected, until the pod or its node goes; evictions help."""
    spec = {"accessModes": ["ReadWriteOncePod"]}
    there = world(late(), claim("c", volume="v", spec=spec), volume("v"))
    there.add_pod(pod(mount("c"), name="other"), 1)
    verdict = PLUGINS[0].filter_nodes(pod(mount("c")), there, np.arange(3))

    assert verdict.code.all()
    assert not any(verdict.statuses[code - 1].unresolvable for code in verdict.code)

    there.alive[1] = 0

    assert passing(pod(mount("c")), there) == [0, 1, 2]


def test_dry_runs_count_conflicts_by_name() -> None:
    """A victim's claim of that name counts, whatever its namespace."""
    spec = {"accessModes": ["ReadWriteOncePod"]}
    there = world(late(), claim("c", volume="v", spec=spec), volume("v"))
    there.add_pod(pod(mount("c"), name="other"), 1)
    plugin, wanted = VolumeRestrictions(), pod(mount("c"))
    stranger = pod(mount("c"), mount("d"), space="elsewhere")
    conflicts = plugin.conflicts_now(wanted, there)

    assert conflicts == 1
    assert not plugin.skips(wanted, conflicts)
    assert plugin.conflicts_with(wanted, stranger, there) == 1

    code = plugin.filter_nodes(wanted, there, np.arange(3), conflicts=0).code

    assert not code.any()


def test_attach_limits_count_volumes_once() -> None:
    """What a node holds or has attached counts; a volume of two pods counts once."""
    csi = {"csi": {"driver": "csi", "volumeHandle": "h"}}
    other = {"csi": {"driver": "csi", "volumeHandle": "i"}}
    there = world(
        limit("n0", "csi", 1),
        limit("n1", "csi", 1),
        claim("c", volume="v"),
        claim("d", volume="w"),
        volume("v", spec=csi),
        volume("w", spec=other),
    )
    there.add_pod(pod(mount("c"), name="other"), 0)

    assert passing(pod(mount("c")), there) == [0, 1, 2]
    assert passing(pod(mount("d")), there) == [1, 2]

    source = {"persistentVolumeName": "v"}
    spec = {"attacher": "csi", "nodeName": "n1", "source": source}
    there.put(made("VolumeAttachment", "va", spec=spec))

    assert passing(pod(mount("d")), there) == [2]
    assert passing(pod(mount("c")), there) == [0, 2]

    there.drop(made("VolumeAttachment", "va", spec=spec))
    there.remove_pod(pod(mount("c"), name="other"), 0)

    assert passing(pod(mount("c"), mount("d")), there) == [2]


def test_in_tree_disks_count_for_the_driver_that_serves_them() -> None:
    """Inline or behind a claim, under the same name."""
    ebs, gce = "ebs.csi.aws.com", "pd.csi.storage.gke.io"
    url = {"awsElasticBlockStore": {"volumeID": "aws://us-east-1a/vol-1"}}
    there = world(
        limit("n0", ebs, 0),
        limit("n1", gce, 0),
        claim("c", volume="v"),
        volume("v", spec=url),
    )

    assert passing(pod(mount("c")), there) == [1, 2]
    assert passing(pod(url), there) == [1, 2]
    assert passing(pod({"gcePersistentDisk": {"pdName": "d"}}), there) == [0, 2]


def test_a_claim_without_a_volume_counts_for_its_class() -> None:
    """It is counted anew when the claim gets its volume."""
    csi = {"csi": {"driver": "other", "volumeHandle": "h"}}
    there = world(late("csi"), limit("n0", "csi", 1), claim("c"), claim("d"))
    there.add_pod(pod(mount("c"), name="other"), 0)

    assert passing(pod(mount("d")), there) == [1, 2]

    there.put(volume("v", spec=csi))
    there.put(claim("c", volume="v"))

    assert passing(pod(mount("d")), there) == [0, 1, 2]


def test_a_changed_node_is_read_anew() -> None:
    """A node that moves to the volume's zone reaches it."""
    there = world(claim("c", volume="v"), volume("v", zone="a"))

    assert passing(pod(mount("c")), there) == [0]

    there.update_node(1, made("Node", "n1", meta={"labels": {ZONE: "a"}}))

    assert passing(pod(mount("c")), there) == [0, 1]
