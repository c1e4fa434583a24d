"""The storage objects of the volume cases: classes, drivers, volumes and claims."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.nodes import (
    HOSTNAME,
    OLD_ZONE,
    REGION,
    ZONE,
    ZONES,
    Document,
    names,
)

DRIVER = "ebs.csi.example.com"
STORAGE = "storage.k8s.io/v1"
BOUND = {"pv.kubernetes.io/bind-completed": "yes"}
CLAIM_LABELS = ("batch", "backend", "frontend")


class Storage:
    """The objects of a case, and the names of its claims.

    Attributes
    ----------
    objects
        All objects that were made.
    """

    def __init__(self, draw: Draw, nodes: Sequence[Document]) -> None:
        self._draw = draw
        self._nodes = names(nodes)
        self._bound: list[str] = []
        self._open: list[str] = []
        self._volumes = 0
        self._claims = 0
        self.objects: list[Document] = [
            *self._classes(),
            self._csi_driver(),
            *self._csi_nodes(),
        ]
        for _ in range(draw.whole(2, 8)):
            self._bound_pair()
        for _ in range(draw.whole(1, 6)):
            self._free_volume()
        for _ in range(draw.whole(2, 8)):
            self._open_claim()
        self.objects += self._capacities()

    def bound_claim(self) -> str:
        """Return the name of a bound claim."""
        return self._draw.pick(self._bound)

    def claim(self) -> str:
        """Return the name of any claim, or of none that exists."""
        if self._draw.chance(0.02):
            return "gone"
        return self._draw.pick(self._draw.pick([self._bound, self._open]))

    def add_ephemeral(self, pod: Document, spec: Document) -> None:
        """Make the claim of an ephemeral volume, owned by its pod or by another."""
        name = pod["metadata"]["name"]
        uid = pod["metadata"]["uid"] if self._draw.chance(0.7) else "uid-other"
        owner = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": name,
            "uid": uid,
            "controller": True,
        }
        claim = self._claim(f"{name}-e", spec, "Pending")
        claim["metadata"]["ownerReferences"] = [owner]

    def _classes(self) -> list[Document]:
        late = "WaitForFirstConsumer"
        zones = self._draw.some(ZONES, 1, 2)
        allowed = [{"matchLabelExpressions": [{"key": ZONE, "values": zones}]}]
        return [
            _class("fast", DRIVER, "Immediate"),
            _class("wait", DRIVER, late),
            _class("local", "kubernetes.io/no-provisioner", late),
            _class("zonal", DRIVER, late) | {"allowedTopologies": allowed},
        ]

    def _csi_driver(self) -> Document:
        spec = {"attachRequired": True, "storageCapacity": self._draw.chance(0.3)}
        return _object(STORAGE, "CSIDriver", DRIVER, spec=spec)

    def _csi_nodes(self) -> list[Document]:
        found = []
        for name in self._nodes:
            if self._draw.chance(0.15):
                continue
            driver: Document = {"name": DRIVER, "nodeID": name, "topologyKeys": [ZONE]}
            if self._draw.chance(0.5):
                driver["allocatable"] = {"count": self._draw.whole(0, 3)}
            spec = {"drivers": [driver]}
            found.append(_object(STORAGE, "CSINode", name, spec=spec))
        return found

    def _capacities(self) -> list[Document]:
        found = []
        for i in range(self._draw.whole(0, 2)):
            spec = {
                "storageClassName": self._draw.pick(["wait", "zonal"]),
                "capacity": self._draw.pick(["5Gi", "20Gi", "200Gi"]),
                "nodeTopology": {"matchLabels": {ZONE: self._draw.pick(ZONES)}},
            }
            each = _object(STORAGE, "CSIStorageCapacity", f"cap-{i}", **spec)
            each["metadata"]["namespace"] = "default"
            found.append(each)
        return found

    def _volume(self, kind: str, size: str) -> Document:
        """Make a volume of a class: on a node, in a zone, or anywhere."""
        draw = self._draw
        self._volumes += 1
        name = f"pv-{self._volumes:03d}"
        single = kind == "fast" and draw.chance(0.1)
        spec: Document = {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOncePod" if single else "ReadWriteOnce"],
            "storageClassName": kind,
            "persistentVolumeReclaimPolicy": "Delete",
        }
        metadata: Document = {"name": name}
        if kind == "local":
            spec["local"] = {"path": f"/mnt/{name}"}
            spec["nodeAffinity"] = _reached(HOSTNAME, draw.some(self._nodes, 1, 2))
        else:
            spec["csi"] = {"driver": DRIVER, "volumeHandle": f"vol-{self._volumes}"}
            if draw.chance(0.4):
                spec["nodeAffinity"] = _reached(ZONE, draw.some(ZONES, 1, 2))
            if draw.chance(0.3):
                metadata["labels"] = self._zone_labels()
        if "labels" not in metadata and draw.chance(0.3):
            metadata["labels"] = {"tier": draw.pick(CLAIM_LABELS)}
        volume: Document = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": metadata,
            "spec": spec,
            "status": {"phase": "Available"},
        }
        self.objects.append(volume)
        return volume

    def _zone_labels(self) -> Document:
        zones = "__".join(self._draw.shuffled(self._draw.some(ZONES, 1, 2)))
        found = {self._draw.pick([ZONE, ZONE, OLD_ZONE]): zones}
        if self._draw.chance(0.3):
            found[REGION] = self._draw.pick(["us-east-1", "us-east-1", "eu-west-1"])
        return found

    def _bound_pair(self) -> None:
        kind = self._draw.pick(["fast", "fast", "fast", "local", "zonal"])
        volume = self._volume(kind, "10Gi")
        name = self._next_claim()
        spec = {
            "accessModes": volume["spec"]["accessModes"],
            "resources": {"requests": {"storage": "10Gi"}},
            "storageClassName": kind,
            "volumeName": volume["metadata"]["name"],
        }
        claim = self._claim(name, spec, "Bound")
        claim["metadata"]["annotations"] = dict(BOUND)
        volume["spec"]["claimRef"] = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "name": name,
            "namespace": "default",
            "uid": claim["metadata"]["uid"],
        }
        volume["status"]["phase"] = "Bound"
        self._bound.append(name)

    def _free_volume(self) -> None:
        sizes = ["5Gi", "10Gi", "10737418239", "12Gi", "40Gi"]
        self._volume(
            self._draw.pick(["local", "local", "wait"]), self._draw.pick(sizes)
        )

    def _open_claim(self) -> None:
        draw = self._draw
        kinds = ["wait", "wait", "local", "local", "local", "zonal", "fast"]
        spec: Document = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": draw.pick(["5Gi", "10Gi", "30Gi"])}},
            "storageClassName": draw.pick(kinds),
        }
        if draw.chance(0.15):
            chosen = {"matchLabels": {"tier": draw.pick(CLAIM_LABELS)}}
            spec["selector"] = chosen
        phase = "Pending"
        if draw.chance(0.05):
            phase, spec["volumeName"] = "Lost", "pv-gone"
        name = self._next_claim()
        claim = self._claim(name, spec, phase)
        if phase == "Lost":
            claim["metadata"]["annotations"] = dict(BOUND)
        if draw.chance(0.04):
            claim["metadata"] |= {
                "deletionTimestamp": "2025-07-01T00:00:00Z",
                "finalizers": ["example.com/x"],
            }
        self._open.append(name)

    def _next_claim(self) -> str:
        self._claims += 1
        return f"claim-{self._claims:03d}"

    def _claim(self, name: str, spec: Document, phase: str) -> Document:
        claim: Document = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name,
                "namespace": "default",
                "uid": f"default/{name}",
            },
            "spec": spec,
            "status": {"phase": phase},
        }
        self.objects.append(claim)
        return claim


def _object(version: str, kind: str, name: str, **fields: object) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def _class(name: str, provisioner: str, mode: str) -> Document:
    fields = {"provisioner": provisioner, "volumeBindingMode": mode}
    return _object(STORAGE, "StorageClass", name, **fields)


def _reached(key: str, values: Sequence[str]) -> Document:
    """Return the affinity of a volume that nodes with these values reach."""
    expression = {"key": key, "operator": "In", "values": list(values)}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
