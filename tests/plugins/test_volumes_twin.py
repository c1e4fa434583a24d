"""The volume plugins against their naive twin, on random clusters."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from naive import volumes as twin

from schedbench.cluster.nodes import NodeTable
from schedbench.cluster.volumes import VolumeWorld
from schedbench.objects.decode import decode_object
from schedbench.objects.kinds import KubernetesObject
from schedbench.objects.node import Node
from schedbench.objects.pod import Pod
from schedbench.objects.storage import PersistentVolume, PersistentVolumeClaim
from schedbench.plugins.node_volume_limits import NodeVolumeLimits
from schedbench.plugins.volume_binding import VolumeBinding
from schedbench.plugins.volume_restrictions import VolumeRestrictions
from schedbench.plugins.volume_zone import VolumeZone

Case = dict[str, Any]
PLUGINS = (VolumeRestrictions(), NodeVolumeLimits(), VolumeBinding(), VolumeZone())
ZONES = ("a", "b", "c")
KEYS = (
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
)
DRIVERS = ("csi", "ebs.csi.aws.com", "disk.csi.azure.com", "pd.csi.storage.gke.io")
PROVISIONERS = ("csi", "kubernetes.io/no-provisioner", "kubernetes.io/aws-ebs", "")
MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteOncePod")
SPACES = ("one", "two")
SIZES = ("1Gi", "2Gi", "2048Mi", "5G", "10Gi")


class Maker:
    """Makes random objects whose names often meet.

    In half of the clusters most claims wait for a volume and most volumes are free.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.plain = random.random() < 0.5

    def maybe(self, share: float = 0.5) -> bool:
        """Return True in this share of cases."""
        return self.random.random() < share

    def odd(self, share: float) -> bool:
        """Return True in this share of cases, seldom in a plain cluster."""
        return self.maybe(share / 10 if self.plain else share)

    def one(self, *choices: Any) -> Any:
        """Return one of the choices."""
        return self.random.choice(choices)

    def made(self, kind: str, name: str, space: str = "", **more: Any) -> Any:
        """Return an object."""
        meta = {"name": name, "namespace": space, "uid": f"uid-{space}-{name}"}
        meta |= more.pop("metadata", {})
        return decode_object({"kind": kind, "metadata": meta, **more})

    def node(self, index: int) -> Node:
        """Return a node with some zone labels."""
        labels = {key: self.one(*ZONES) for key in KEYS if self.maybe(0.6)}
        found: Node = self.made(
            "Node",
            f"n{index}",
            metadata={"labels": {"disk": self.one("x", "y")} | labels},
        )
        return found

    def condition(self) -> Case:
        """Return a condition on node labels."""
        operator = self.one("In", "In", "NotIn", "Exists", "DoesNotExist")
        values = [self.one(*ZONES)] if "In" in operator else []
        return {"key": self.one(*KEYS[:2]), "operator": operator, "values": values}

    def term(self) -> Case:
        """Return a node selector term, at times empty or about names."""
        term: Case = {"matchExpressions": [self.condition()] * self.one(0, 1, 1, 1)}
        if self.maybe(0.1):
            operator = self.one("In", "NotIn")
            field = {"key": "metadata.name", "operator": operator, "values": ["n0"]}
            term["matchFields"] = [field]
        return term

    def volume(self, index: int) -> PersistentVolume:
        """Return a volume: free, promised or bound."""
        spec: Case = {
            "capacity": {"storage": self.one(*SIZES)},
            "accessModes": self.random.sample(MODES, 2),
            "storageClassName": "late"
            if not self.odd(0.5)
            else self.one("now", "here"),
        }
        spec |= self.one(
            {"csi": {"driver": "csi", "volumeHandle": self.one("h1", "h2", "h3", "")}},
            {"awsElasticBlockStore": {"volumeID": self.one("v1", "v2")}},
            {"azureDisk": {"diskName": "d", "diskURI": self.one("u1", "u2")}},
            {},
        )
        if self.maybe(0.6):
            required = {
                "nodeSelectorTerms": [self.term() for _ in range(self.one(1, 2))]
            }
            spec["nodeAffinity"] = {"required": required}
        if self.odd(0.25):
            space, name = self.one(*SPACES), f"c{self.one(0, 1, 2, 3)}"
            uid = self.one("", f"uid-{space}-{name}", "other")
            spec["claimRef"] = {"namespace": space, "name": name, "uid": uid}
        for key, value in (("volumeMode", "Block"), ("volumeAttributesClassName", "q")):
            if self.odd(0.1):
                spec[key] = value
        values = (*ZONES, "a__b", "b__", "c__ a")
        labels = {key: self.one(*values) for key in KEYS if self.odd(0.15)}
        meta: Case = {"labels": labels | {"tier": self.one("x", "y")}}
        if self.odd(0.05):
            meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        if self.odd(0.1):
            meta["annotations"] = {twin.OLD_CLASS: "late"}
        status = {
            "phase": self.one("Bound", "Pending") if self.odd(0.5) else "Available"
        }
        found: PersistentVolume = self.made(
            "PersistentVolume", f"pv{index}", metadata=meta, spec=spec, status=status
        )
        return found

    def claim(self, space: str, name: str) -> PersistentVolumeClaim:
        """Return a claim: bound, waiting, lost or on its way out."""
        spec: Case = {"accessModes": [self.one(*MODES)] if self.odd(0.9) else []}
        if self.maybe(0.9):
            spec["resources"] = {"requests": {"storage": self.one(*SIZES)}}
        if self.maybe(0.95):
            spec["storageClassName"] = "late"
            if self.odd(0.6):
                spec["storageClassName"] = self.one("now", "here", "here", "gone")
        if self.odd(0.2):
            spec["selector"] = {"matchLabels": {"tier": "x"}}
        meta: Case = {"annotations": {}}
        if self.odd(0.4):
            spec["volumeName"] = f"pv{self.one(0, 1, 2, 3, 4, 99)}"
            if self.maybe(0.9):
                meta["annotations"]["pv.kubernetes.io/bind-completed"] = "yes"
        if self.odd(0.1):
            meta["annotations"]["volume.kubernetes.io/selected-node"] = "n1"
        if self.odd(0.03):
            meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        if "-" in name:
            owner = self.one(*[name.partition("-")[0]] * 2, "p99")
            uid = f"uid-{space}-{owner}"
            meta["ownerReferences"] = [{"name": owner, "uid": uid, "controller": True}]
        phase = self.one(*["Bound"] * 20, "Lost")
        found: PersistentVolumeClaim = self.made(
            "PersistentVolumeClaim",
            name,
            space,
            metadata=meta,
            spec=spec,
            status={"phase": phase},
        )
        return found

    def storage(self) -> list[KubernetesObject]:
        """Return everything else."""
        found = []
        for name, mode in (("now", "Immediate"), *[(n, "") for n in ("late", "here")]):
            topologies = [
                {"matchLabelExpressions": [{"key": KEYS[0], "values": ["a", "b"]}]},
                {"matchLabelExpressions": []},
            ][: self.one(0, 0, 1, 2)]
            more = {
                "provisioner": self.one(*PROVISIONERS),
                "volumeBindingMode": mode or "WaitForFirstConsumer",
                "allowedTopologies": topologies,
            }
            found.append(self.made("StorageClass", name, **more))
        spec = {"storageCapacity": self.maybe()}
        found.append(self.made("CSIDriver", "csi", spec=spec))
        for index in range(4):
            more = {
                "storageClassName": self.one("late", "here"),
                "capacity": self.one(*SIZES, None),
                "maximumVolumeSize": self.one(None, None, *SIZES),
                "nodeTopology": self.one(
                    None, {}, {"matchLabels": {KEYS[0]: self.one(*ZONES)}}
                ),
            }
            if self.maybe(0.2):
                condition = self.condition()
                more["nodeTopology"] = {"matchExpressions": [condition]}
            found.append(self.made("CSIStorageCapacity", f"k{index}", "s", **more))
        for index in range(5):
            drivers = [
                {"name": name, "allocatable": self.one(None, *[{"count": 1}] * 3, {})}
                for name in DRIVERS
                if self.maybe(0.7)
            ]
            if self.maybe(0.7):
                spec = {"drivers": drivers}
                found.append(self.made("CSINode", f"n{index}", spec=spec))
        for index in range(self.one(0, 0, 3)):
            source = {"persistentVolumeName": f"pv{self.one(0, 1, 2, 99)}"}
            spec = {
                "attacher": "csi",
                "nodeName": self.one("n0", "n1"),
                "source": source,
            }
            found.append(self.made("VolumeAttachment", f"va{index}", spec=spec))
        return found

    def mount(self) -> Case:
        """Return a volume of a pod."""
        claim = {"claimName": f"c{self.one(0, 1, 2, 3, 3, 8)}"}
        read = {"readOnly": self.maybe()}
        monitors = self.random.sample(["m1", "m2", "m3"], 2)
        found: Case = self.one(
            *[{"persistentVolumeClaim": claim}] * (40 if self.plain else 6),
            {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"gcePersistentDisk": {"pdName": self.one("d1", "d2"), **read}},
            {"awsElasticBlockStore": {"volumeID": self.one("v1", "v2"), **read}},
            {"azureDisk": {"diskName": "d", "diskURI": self.one("u1", "u2")}},
            {"iscsi": {"targetPortal": self.one("t1", "t2"), "iqn": "q", **read}},
            {"rbd": {"monitors": monitors, "image": "i", **read}},
            {"configMap": {"name": "m"}},
        )
        return found

    def pod(self, index: int) -> Pod:
        """Return a pod with up to three volumes."""
        mounts = [
            {"name": f"v{i}", **self.mount()} for i in range(self.one(1, 1, 2, 3))
        ]
        found: Pod = self.made(
            "Pod", f"p{index}", self.one(*SPACES), spec={"volumes": mounts}
        )
        return found


@given(st.integers(0, 2**32 - 1))
def test_plugins_equal_their_twin(seed: int) -> None:
    """Stops, verdicts and what Reserve takes are the twin's, through all changes."""
    random = Random(seed)
    make = Maker(random)
    nodes = [make.node(index) for index in range(5)]
    pods = [make.pod(index) for index in range(14)]
    names = [*(f"c{i}" for i in range(4)), *(f"p{i}-v0" for i in range(14))]
    objects = [
        *make.storage(),
        *(make.volume(index) for index in range(10)),
        *(make.claim(s, n) for s in SPACES for n in names if make.maybe(0.95)),
    ]
    random.shuffle(objects)
    alive = np.ones(len(nodes), dtype=np.uint8)
    world = VolumeWorld(objects, NodeTable(nodes), alive)
    storage = twin.Storage([*objects])
    held: dict[int, list[Pod]] = {slot: [] for slot in range(len(nodes))}
    for pod in pods:
        change(make, world, storage, nodes)
        alive[:] = [make.maybe(0.9) for _ in nodes]
        slots = np.flatnonzero(alive)
        everywhere = [one for slot in slots for one in held[slot]]
        stop = next(filter(None, (p.pre_filter(pod, world) for p in PLUGINS)), None)
        theirs = twin.stop(pod, storage)

        assert (stop and (stop.plugin, [*stop.reasons])) == theirs

        if stop is not None:
            slot = make.one(*held)
            world.add_pod(pod, slot)
            held[slot].append(pod)
            continue
        verdicts = rejected(pod, world, slots)
        for slot in slots:
            here = held[slot]
            found = twin.refusal(pod, nodes[slot], storage, here, everywhere)

            assert verdicts.get(slot) == (
                found and (found[0], sorted(found[1]), found[1].unresolvable)
            )

        feasible = [slot for slot in slots if slot not in verdicts]
        if feasible:
            slot = int(make.one(*feasible))

            assert world.reserve(pod, slot) is None

            twin.reserve(pod, nodes[slot], storage)
            world.add_pod(pod, slot)
            held[slot].append(pod)
        victim = make.one(*held)
        if held[victim] and make.maybe(0.3):
            world.remove_pod(held[victim].pop(0), victim)


def rejected(
    pod: Pod, world: VolumeWorld, slots: np.ndarray
) -> dict[int, tuple[str, list[str], bool]]:
    """Return node → the first plugin that rejects it, and why."""
    found: dict[int, tuple[str, list[str], bool]] = {}
    for plugin in PLUGINS:
        verdict = plugin.filter_nodes(pod, world, slots)
        for slot, code in zip(slots, verdict.code, strict=True):
            if code:
                status = verdict.statuses[code - 1]
                told = (plugin.name, sorted(status.reasons), status.unresolvable)
                found.setdefault(int(slot), told)
    return found


def change(
    make: Maker, world: VolumeWorld, storage: twin.Storage, nodes: list[Node]
) -> None:
    """Replace a node, a claim, a volume or nothing."""
    kind = make.one("node", "claim", "volume", "", "", "")
    if kind == "node":
        slot = make.one(*range(len(nodes)))
        nodes[slot] = make.node(slot)
        world.update_node(slot, nodes[slot])
        return
    kinds = {"claim": PersistentVolumeClaim, "volume": PersistentVolume}
    known = [one for one in storage.objects if isinstance(one, kinds.get(kind, ()))]
    if not known:
        return
    old = make.one(*known)
    at = storage.objects.index(old)
    name, space = old.metadata.name, old.metadata.namespace
    new = make.volume(int(name[2:])) if kind == "volume" else make.claim(space, name)
    storage.objects[at] = new
    storage.promised.pop(name if kind == "volume" else "", None)
    storage.sent.pop((space, name), None)
    world.put(new)
