"""sample: clusters so large that kube-scheduler looks at a part of their nodes."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.experiment.verify import configs, nodes, pods, terms
from schedbench.experiment.verify.amounts import GI
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled

PERCENTAGES = (0, 1, 3, 5, 10, 25, 40, 50, 70, 100)
MANY_ZONES = tuple(f"us-east-1{letter}" for letter in "abcde")


def case(draw: Draw) -> Document:
    """Return a case of many nodes and of pods that some of them reject."""
    count = draw.whole(400, 1300) if draw.chance(0.1) else draw.whole(90, 400)
    zones = MANY_ZONES[: draw.whole(1, 5)]
    found = [make(draw, f"node-{i}", zones) for i in range(count)]
    pending = sample_pods(draw, nodes.names(found), 15, 40)
    return assembled(found, pending, config=sample_config(draw), sampling=True)


def make(draw: Draw, name: str, zones: Sequence[str]) -> Document:
    """Return a node of a zone, tainted now and then, at times in no zone."""
    labels = {nodes.HOSTNAME: name, "disktype": draw.pick(nodes.DISKS)}
    if draw.chance(0.985):
        labels[nodes.REGION] = "us-east-1"
        if draw.chance(0.985):
            labels[nodes.ZONE] = draw.pick(zones)
    if draw.chance(0.02):
        labels[nodes.OLD_ZONE] = draw.pick(zones)
        if draw.chance(0.4):
            labels[nodes.OLD_REGION] = "us-east-1"
    offered = {
        "cpu": str(draw.pick([2, 4, 4, 8])),
        "memory": f"{draw.pick([8, 16])}Gi",
        "pods": "110",
    }
    found: Document = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"allocatable": offered},
    }
    nodes.add_taints(draw, [found], 0.1, ["NoSchedule"])
    return found


def sample_pods(
    draw: Draw, names: Sequence[str], low: int, high: int
) -> list[Document]:
    """Return pods, some of which choose few nodes or keep apart."""
    found = pods.pending_pods(draw, low, high)
    for each in found:
        spec, kind = each["spec"], draw.whole(0, 9)
        if kind == 0:
            spec["nodeSelector"] = {"disktype": draw.pick(nodes.DISKS)}
        elif kind == 1:
            spec["affinity"] = {"nodeAffinity": _named(draw.some(names, 1, 6))}
        elif kind == 2:
            key = draw.pick([nodes.HOSTNAME, nodes.ZONE])
            chosen = {"matchLabels": {"app": draw.pick(pods.APPS)}}
            term = {"topologyKey": key, "labelSelector": chosen}
            spec["affinity"] = {"podAntiAffinity": {terms.REQUIRED: [term]}}
        elif kind == 3:
            spec["topologySpreadConstraints"] = terms.spread(draw, most=1)[:1]
        elif kind == 4:
            milli = draw.pick([2000, 2001, 4000, 7999, 8000])
            size = f"{draw.pick([1, 8, 9]) * GI}"
            each["spec"] = pods.sized_spec(f"{milli}m", size)
        if draw.chance(0.3):
            each["spec"]["tolerations"] = terms.tolerations(draw, 1, 2)
    return found


def sample_config(draw: Draw) -> Document | None:
    """Return a configuration with a percentage of its own, of a profile, or none."""
    if draw.chance(0.3):
        return None
    own: Document = {"percentageOfNodesToScore": draw.pick(PERCENTAGES)}
    if draw.chance(0.2):
        return configs.configuration(configs.profile(**own))
    top: Document = {"percentageOfNodesToScore": draw.pick(PERCENTAGES)}
    profile = configs.profile(**own) if draw.chance(0.3) else configs.profile()
    return configs.configuration(profile, **top)


def _named(names: Sequence[str]) -> Document:
    fields = {"key": "metadata.name", "operator": "In"}
    alternatives = [{"matchFields": [fields | {"values": [name]}]} for name in names]
    return {terms.REQUIRED: {"nodeSelectorTerms": alternatives}}
