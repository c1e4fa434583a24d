"""spread: topology spreading with policies, fewest domains, defaults of a profile."""

from __future__ import annotations

from schedbench.experiment.verify import configs, nodes, pods, terms
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled


def case(draw: Draw) -> Document:
    """Return a case whose pods are to be spread, some only by the defaults."""
    found = nodes.nodes(draw, 3, 14)
    nodes.add_taints(draw, found, 0.2, nodes.EFFECTS[:2])
    for each in found:
        if draw.chance(0.06):
            each["spec"]["unschedulable"] = True
    names = nodes.names(found)
    bound = pods.bound_pods(draw, names, 1.0)
    for each in bound:
        if draw.chance(0.08):
            pods.delete(each)
    pending = pods.pending_pods(draw, 3, 11)
    for each in pending:
        _wishes(draw, each["spec"], names)
    config = None
    if draw.chance(0.2):
        args = configs.default_spread(draw)
        config = configs.configuration(configs.profile(args))
    owners = selecting(draw) if config or draw.chance(0.3) else []
    return assembled(found, pending, bound=bound, objects=owners, config=config)


def _wishes(draw: Draw, spec: Document, names: list[str]) -> None:
    if draw.chance(0.75):
        spec["topologySpreadConstraints"] = terms.spread(draw)
    if draw.chance(0.2):
        spec["tolerations"] = terms.tolerations(draw, 2, 2)
    if draw.chance(0.15):
        spec["nodeSelector"] = terms.node_selector(draw)
    elif draw.chance(0.1):
        spec["affinity"] = {"nodeAffinity": terms.node_affinity(draw, names)}


def selecting(draw: Draw) -> list[Document]:
    """Return Services and controllers that select pods by their app."""
    return [_selecting(draw, app) for app in draw.some(pods.APPS, 1, 3)]


def _selecting(draw: Draw, app: str) -> Document:
    kinds = ["Service", "ReplicationController", "ReplicaSet", "StatefulSet"]
    kind = draw.pick(kinds)
    metadata: Document = {"name": app, "namespace": "default"}
    if kind in kinds[:2]:
        spec: Document = {"selector": {"app": app}}
        version = "v1"
    else:
        chosen: Document = {"matchLabels": {"app": app}}
        if draw.chance(0.2):
            within = {"key": "app", "operator": "In", "values": [app]}
            chosen = {"matchExpressions": [within]}
        spec, version = {"selector": chosen}, "apps/v1"
    if kind == "StatefulSet":
        spec["serviceName"] = app
    if kind != "Service":
        metadata["uid"] = f"o-{app}"
        spec["template"] = {
            "metadata": {"labels": {"app": app}},
            "spec": {"containers": []},
        }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
