"""volumes: claims bound, unbound and lost, disks in use, limits, zones, capacity."""

from __future__ import annotations

from schedbench.experiment.verify import nodes, pods
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled
from schedbench.experiment.verify.storage import Storage


def case(draw: Draw) -> Document:
    """Return a case of pods with claims, disks and ephemeral volumes."""
    found = nodes.nodes(draw, 3, 9)[:12]
    names = nodes.names(found)
    storage = Storage(draw, found)
    count = draw.whole(0, 12)
    bound = []
    for i in range(1, count + 1):
        each = pods.pod(draw, f"b{i:03d}", pods.plain_spec(draw))
        if draw.chance(0.8):
            each["spec"]["volumes"] = _volumes(draw, storage, settled=True)
        bound.append(pods.on_node(draw, each, draw.pick(names), i))
    pending = pods.pending_pods(draw, 3, 9)
    for each in pending:
        each["spec"]["volumes"] = _volumes(draw, storage, settled=False)
        if draw.chance(0.1):
            each["spec"]["priority"] = 1000
        _ephemeral(draw, each, storage)
    return assembled(found, pending, bound=bound, objects=storage.objects)


def _volumes(draw: Draw, storage: Storage, settled: bool) -> list[Document]:
    """Return a pod's volumes, of claims mostly; a settled pod's claims are bound."""
    volumes: list[Document] = []
    for i in range(draw.pick([1, 1, 1, 2, 3])):
        name = {"name": f"v{i}"}
        if draw.chance(0.7):
            claim = storage.bound_claim() if settled else storage.claim()
            source = {"claimName": claim, "readOnly": draw.chance(0.1)}
            volumes.append(name | {"persistentVolumeClaim": source})
        else:
            volumes.append(name | disk(draw))
    return volumes


def disk(draw: Draw) -> Document:
    """Return a volume of a kind that only one pod of a node may write."""
    only_read = {"readOnly": draw.chance(0.4)}
    return draw.pick(
        [
            {
                "awsElasticBlockStore": {"volumeID": draw.pick(["vol1", "vol2"])}
                | only_read
            },
            {"gcePersistentDisk": {"pdName": draw.pick(["pd1", "pd2"])} | only_read},
            {
                "iscsi": {
                    "targetPortal": "1.2.3.4",
                    "iqn": draw.pick(["iqn.a", "iqn.b"]),
                    "lun": 0,
                }
                | only_read
            },
            {
                "rbd": {
                    "monitors": draw.pick([["m1"], ["m1", "m2"], ["m2"]]),
                    "image": "img",
                    "pool": "rbd",
                }
                | only_read
            },
            {"configMap": {"name": "x"}},
        ]
    )


def _ephemeral(draw: Draw, each: Document, storage: Storage) -> None:
    """Add a generic ephemeral volume, whose claim is there or not yet."""
    if not draw.chance(0.08):
        return
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "wait",
    }
    volume = {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}
    each["spec"]["volumes"].append(volume)
    if draw.chance(0.5):
        storage.add_ephemeral(each, spec)
