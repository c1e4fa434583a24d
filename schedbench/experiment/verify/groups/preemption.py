"""preemption: full nodes, priorities, budgets, nominated pods, ties between nodes."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.experiment.verify import configs, nodes, pods
from schedbench.experiment.verify.amounts import GI, cpu
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled
from schedbench.experiment.verify.terms import REQUIRED

PRIORITIES = (-10, -10, -10, 0, 0, 0, 100, 100, 1000, 5000)
HIGH = 100_000


def case(draw: Draw) -> Document:
    """Return a case of nodes so full that some pods must make others leave."""
    return full_cluster(draw, affinity=0.1, deleted=0.06, budgets=3)


def full_cluster(draw: Draw, affinity: float, deleted: float, budgets: int) -> Document:
    """Return a case of full nodes.

    Parameters
    ----------
    affinity
        Share of bound pods that keep others away.
    deleted
        Share of bound pods that are being deleted.
    budgets
        How many disruption budgets there may be.
    """
    sizes = [_room(draw) for _ in range(draw.whole(1, 2))]
    count = draw.whole(9, 30) if draw.chance(0.1) else draw.whole(1, 9)
    found = [nodes.node(draw, f"node-{i}", draw.pick(sizes)) for i in range(count)]
    nodes.add_taints(draw, found, 0.1, ["NoSchedule"])
    names = nodes.names(found)
    bound = _bound(draw, found, affinity, deleted)
    pending = [
        _pending(draw, f"p{i:03d}", names) for i in range(1, draw.whole(2, 8) + 1)
    ]
    config = None
    if draw.chance(0.1):
        gone = {"postFilter": {"disabled": [{"name": "DefaultPreemption"}]}}
        config = configs.configuration(configs.profile(plugins=gone))
    objects = [*priority_classes(draw), *disruption_budgets(draw, bound, budgets)]
    return assembled(found, pending, bound=bound, objects=objects, config=config)


def priority_classes(draw: Draw) -> list[Document]:
    """Return two classes of high priority, one of which never preempts."""
    high = _class("high", HIGH)
    found = [high, _class("high-nonpreempting", HIGH) | {"preemptionPolicy": "Never"}]
    if draw.chance(0.2):
        found.append(_class("dflt", 100) | {"globalDefault": True})
    return found


def disruption_budgets(
    draw: Draw, bound: Sequence[Document], most: int
) -> list[Document]:
    """Return budgets, of which several may hold the same pod."""
    return [_budget(draw, f"pdb{i}", bound) for i in range(draw.whole(0, most))]


def _room(draw: Draw) -> Document:
    found = {"cpu": draw.pick([2000, 4000, 4000]), "memory": 8 * GI, "pods": 110}
    if draw.chance(0.1):
        found["pods"] = draw.pick([4, 6, 20])
    return found


def _bound(
    draw: Draw, found: Sequence[Document], affinity: float, deleted: float
) -> list[Document]:
    bound: list[Document] = []
    alike = draw.chance(0.2)
    size, rank = draw.pick([250, 500, 1000]), draw.pick(PRIORITIES)
    for node in found:
        for _ in range(draw.whole(1, 8)):
            milli = size if alike else draw.pick([250, 500, 500, 500, 1000])
            each = pods.pod(
                draw,
                f"b{len(bound) + 1:03d}",
                pods.sized_spec(cpu(draw, milli), "128Mi"),
            )
            spec = each["spec"]
            spec["priority"] = rank if alike else draw.pick(PRIORITIES)
            pods.on_node(draw, each, node["metadata"]["name"], len(bound) + 1)
            if draw.chance(0.1):
                each["metadata"].pop("labels")
            if draw.chance(affinity):
                spec["affinity"] = _apart(draw)
            if draw.chance(0.1):
                spec["containers"][0]["ports"] = [_port()]
            if draw.chance(deleted):
                _leaving(draw, each)
            bound.append(each)
    return draw.shuffled(bound)


def _leaving(draw: Draw, each: Document) -> None:
    pods.delete(each)
    if draw.chance(0.5):
        reason = {"type": "DisruptionTarget", "status": "True"}
        each["status"]["conditions"] = [reason | {"reason": "PreemptionByScheduler"}]


def _pending(draw: Draw, name: str, nodes_there: Sequence[str]) -> Document:
    milli = draw.pick([500, 1000, 1500, 2000, 3000, 5000])
    each = pods.pod(draw, name, pods.sized_spec(cpu(draw, milli), "256Mi"))
    spec = each["spec"]
    if draw.chance(0.6):
        spec["priority"] = draw.pick([HIGH, 5000, 1000, 100, 0, -10])
    elif draw.chance(0.8):
        spec["priorityClassName"] = draw.pick(["high", "high", "high-nonpreempting"])
    if draw.chance(0.15):
        spec["affinity"] = _apart(draw)
    elif draw.chance(0.08):
        spec["affinity"] = {"podAffinity": {REQUIRED: [_term(draw)]}}
    if draw.chance(0.15):
        spec["containers"][0]["ports"] = [_port()]
    if draw.chance(0.1):
        spec["nodeSelector"] = {nodes.ZONE: draw.pick(nodes.ZONES)}
    if draw.chance(0.15):
        spec["topologySpreadConstraints"] = [
            _term(draw) | {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
        ]
    if draw.chance(0.1):
        each["status"] = {"nominatedNodeName": draw.pick(nodes_there)}
    return each


def _port() -> Document:
    return {"containerPort": 80, "hostPort": 8080}


def _apart(draw: Draw) -> Document:
    return {"podAntiAffinity": {REQUIRED: [_term(draw)]}}


def _term(draw: Draw) -> Document:
    return {
        "topologyKey": draw.pick([nodes.HOSTNAME, nodes.ZONE]),
        "labelSelector": {"matchLabels": {"app": draw.pick(pods.APPS)}},
    }


def _class(name: str, value: int) -> Document:
    metadata = {"name": name}
    version = "scheduling.k8s.io/v1"
    kind = {"apiVersion": version, "kind": "PriorityClass"}
    return kind | {"metadata": metadata, "value": value}


def _budget(draw: Draw, name: str, bound: Sequence[Document]) -> Document:
    chosen: Document = {"matchLabels": {"app": draw.pick(pods.APPS)}}
    if draw.chance(0.1):
        chosen = draw.pick([{}, {"matchExpressions": [_exists("app")]}])
    status: Document = {
        "disruptionsAllowed": draw.pick([0, 0, 1, 2]),
        "currentHealthy": 3,
        "desiredHealthy": 2,
        "expectedPods": 3,
    }
    if bound and draw.chance(0.1):
        gone = draw.pick(bound)["metadata"]["name"]
        status["disruptedPods"] = {gone: pods.DELETED}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": chosen},
        "status": status,
    }


def _exists(key: str) -> Document:
    return {"key": key, "operator": "Exists"}
