"""The validator on volumes: claims, disks, reach, zones, attach limits."""

from __future__ import annotations

import pytest

from schedbench.metrics.validator import validate
from schedbench.objects.decode import decode_object

ZONE = "topology.kubernetes.io/zone"
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"
BOUND = {"pv.kubernetes.io/bind-completed": "yes"}
EBS = "ebs.csi.aws.com"


def made(kind, name, **content):
    """Make an object; what concerns its metadata is in `meta`."""
    meta = {"name": name, **content.pop("meta", {})}
    return decode_object({"kind": kind, "metadata": meta, **content})


def claim(name, *, volume=None, modes=("ReadWriteOnce",), storage="late", **meta):
    """Make a claim in the namespace default, bound to a volume if one is named."""
    spec = {"accessModes": list(modes), "storageClassName": storage}
    if volume:
        spec["volumeName"] = volume
        meta = {"annotations": BOUND, **meta}
    meta = {"namespace": "default", **meta}
    return made("PersistentVolumeClaim", name, meta=meta, spec=spec)


def volume(name, *, zone=None, hosts=None, **spec):
    """Make a volume; `zone` = (label, value), `hosts` = nodes that reach it."""
    labels = dict([zone]) if zone else {}
    if hosts:
        expression = {"key": "host", "operator": "In", "values": hosts}
        terms = [{"matchExpressions": [expression]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return made("PersistentVolume", name, meta={"labels": labels}, spec=spec)


def csi(handle, driver="csi"):
    """Return the source of a CSI volume."""
    return {"driver": driver, "volumeHandle": handle}


def storage_class(name, mode, provisioner="csi"):
    """Make a storage class."""
    return made("StorageClass", name, provisioner=provisioner, volumeBindingMode=mode)


CLASSES = [
    storage_class("late", "WaitForFirstConsumer"),
    storage_class("now", "Immediate"),
]


def limits(node, count, driver="csi"):
    """Make a CSINode."""
    drivers = [{"name": driver, "nodeID": "x", "allocatable": {"count": count}}]
    return made("CSINode", node, spec={"drivers": drivers})


def mounting(*sources, name="p"):
    """Make a pod with volumes; a text is the name of a claim."""
    volumes = []
    for i, source in enumerate(sources):
        named = isinstance(source, str)
        kind = {"persistentVolumeClaim": {"claimName": source}} if named else source
        volumes.append({"name": f"v{i}", **kind})
    meta = {"namespace": "default"}
    return made("Pod", name, meta=meta, spec={"volumes": volumes})


@pytest.fixture
def put(make):
    """Bind pods to nodes, a in zone x and b in y; return the rules that breaks."""
    nodes = [
        make.node("a", labels={ZONE: "x", "host": "a"}),
        make.node("b", labels={ZONE: "y", "host": "b"}),
        make.node("c", labels={"host": "c"}),
    ]

    def run(*placed, objects=(), queue="kube-scheduler"):
        log = []
        for pod, (_, node) in enumerate(placed):
            log += [(0, "ARRIVE", pod), (0, "BIND", pod, "abc".index(node))]
        workload = make.workload(
            nodes,
            [pod for pod, _ in placed],
            objects=[*CLASSES, *objects],
            queue=queue,
            names=[f"default/pod-{i}" for i in range(len(placed))],
        )
        found = validate(workload, make.record(*log), ["a", "b", "c"])
        return [violation.rule for violation in found]

    return run


@pytest.mark.parametrize(
    ("objects", "rule"),
    [
        pytest.param([], ["volume claim"], id="a claim that does not exist"),
        pytest.param([claim("c")], [], id="one that waits for its first pod"),
        pytest.param(
            [claim("c", storage="now")], ["volume claim"], id="one that is not bound"
        ),
        pytest.param([claim("c", volume="v"), volume("v")], [], id="a bound one"),
        pytest.param(
            [claim("c", volume="v")], ["volume claim"], id="bound to no volume"
        ),
        pytest.param(
            [claim("c", deletionTimestamp="2026-01-01T00:00:00Z")],
            ["volume claim"],
            id="on its way out",
        ),
        pytest.param(
            [claim("c", volume="v"), volume("v", hosts=["a"])], [], id="within reach"
        ),
        pytest.param(
            [claim("c", volume="v"), volume("v", hosts=["b"])],
            ["volume node affinity"],
            id="out of reach",
        ),
        pytest.param(
            [claim("c", volume="v"), volume("v", zone=(ZONE, "x"))], [], id="its zone"
        ),
        pytest.param(
            [claim("c", volume="v"), volume("v", zone=(ZONE, "y__z"))],
            ["volume zone"],
            id="other zones",
        ),
        pytest.param(
            [claim("c", volume="v"), volume("v", zone=(OLD_ZONE, "y__x"))],
            [],
            id="one of the zones of an old label",
        ),
    ],
)
def test_claims_can_be_served_on_the_node(put, objects, rule):
    """A pod with the claim c is on node a."""
    assert put((mounting("c"), "a"), objects=objects) == rule


def test_a_node_without_zone_reaches_every_zone(put):
    """Zone labels concern nodes that have one."""
    objects = [claim("c", volume="v"), volume("v", zone=(ZONE, "x"))]

    assert put((mounting("c"), "c"), objects=objects) == []


def test_disks_are_judged_where_they_are_looked_at(put):
    """Runs that try pods again at once do not look at disks."""
    pods = [(mounting(disk("gce"), name=name), "a") for name in "pq"]

    assert put(*pods, queue="immediate") == []


@pytest.mark.parametrize(
    ("modes", "rule"),
    [
        pytest.param(["ReadWriteOncePod"], ["volume claim"], id="for one pod"),
        pytest.param(["ReadWriteOnce"], [], id="for one node"),
    ],
)
def test_a_claim_for_one_pod_has_one(put, modes, rule):
    """Two pods on two nodes mount one claim."""
    objects = [claim("c", volume="v", modes=modes), volume("v")]
    pods = [(mounting("c", name=name), node) for name, node in ("pa", "qb")]

    assert put(*pods, objects=objects) == rule


def disk(kind, *, read_only=False):
    """Return an inline disk."""
    sources = {
        "gce": {"gcePersistentDisk": {"pdName": "d", "readOnly": read_only}},
        "aws": {"awsElasticBlockStore": {"volumeID": "d", "readOnly": read_only}},
        "iscsi": {"iscsi": {"iqn": "d", "readOnly": read_only}},
        "rbd": {"rbd": {"monitors": ["m", "n"], "image": "d", "readOnly": read_only}},
        "rbd2": {"rbd": {"monitors": ["n", "o"], "image": "d", "readOnly": read_only}},
        "rbd3": {"rbd": {"monitors": ["o"], "image": "d", "readOnly": read_only}},
    }
    return sources[kind]


@pytest.mark.parametrize(
    ("one", "other", "node", "rule"),
    [
        pytest.param(disk("gce"), disk("gce"), "a", ["x"], id="GCE, written"),
        pytest.param(
            disk("gce", read_only=True),
            disk("gce", read_only=True),
            "a",
            [],
            id="GCE, read by both",
        ),
        pytest.param(
            disk("gce", read_only=True), disk("gce"), "a", ["x"], id="GCE, read by one"
        ),
        pytest.param(
            disk("aws", read_only=True),
            disk("aws", read_only=True),
            "a",
            ["x"],
            id="AWS, even if read",
        ),
        pytest.param(disk("iscsi"), disk("iscsi"), "a", ["x"], id="iSCSI"),
        pytest.param(disk("rbd"), disk("rbd2"), "a", ["x"], id="Ceph, one monitor"),
        pytest.param(disk("rbd"), disk("rbd3"), "a", [], id="Ceph, other monitors"),
        pytest.param(disk("gce"), disk("gce"), "b", [], id="on two nodes"),
    ],
)
def test_pods_do_not_fight_for_disks(put, one, other, node, rule):
    """A pod with a disk is on node a; another one comes."""
    found = put((mounting(one), "a"), (mounting(other, name="q"), node))

    assert found == ["volume disk"] * len(rule)


@pytest.mark.parametrize(
    ("handles", "count", "rule"),
    [
        pytest.param("st", 2, [], id="as many as the driver attaches"),
        pytest.param("st", 1, ["volume limit"], id="one more"),
        pytest.param("ss", 1, [], id="one volume twice"),
    ],
)
def test_a_driver_attaches_so_many_volumes(put, handles, count, rule):
    """Two pods on node a mount a volume each."""
    objects = [limits("a", count)]
    for i, handle in enumerate(handles):
        objects += [claim(f"c{i}", volume=f"v{i}"), volume(f"v{i}", csi=csi(handle))]
    pods = [(mounting(f"c{i}", name=f"p{i}"), "a") for i in range(2)]

    assert put(*pods, objects=objects) == rule


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param(
            [
                claim("c", volume="v"),
                volume("v", awsElasticBlockStore={"volumeID": "aws:///z/vol-1"}),
            ],
            id="a volume in the tree",
        ),
        pytest.param(
            [
                claim("c", storage="ebs"),
                storage_class("ebs", "WaitForFirstConsumer", EBS),
            ],
            id="a claim that its class will serve",
        ),
    ],
)
def test_what_a_driver_serves_counts_for_it(put, sources):
    """An EBS disk in the pod itself is on a node that attaches one."""
    inline = {"awsElasticBlockStore": {"volumeID": "vol-2"}}
    pods = [(mounting(inline), "a"), (mounting("c", name="q"), "a")]
    objects = [limits("a", 1, EBS), *sources]

    assert put(*pods, objects=objects) == ["volume limit"]


def test_a_claim_of_an_ephemeral_volume_has_the_name_of_its_pod(put):
    """The claim of the second pod does not exist."""
    inline = {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}
    pods = [(mounting(inline, name=name), "a") for name in "pq"]

    assert put(*pods, objects=[claim("pod-0-v0")]) == ["volume claim"]
