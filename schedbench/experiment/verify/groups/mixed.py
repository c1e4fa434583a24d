"""mixed: larger clusters with what all the other groups have, at once."""

from __future__ import annotations

from schedbench.experiment.verify import configs, nodes, pods, terms
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled, interpod, ports
from schedbench.experiment.verify.groups.images import put_images
from schedbench.experiment.verify.groups.preemption import (
    PRIORITIES,
    disruption_budgets,
)
from schedbench.experiment.verify.groups.spread import selecting

MOST_NODES, MOST_PODS = 60, 40


def case(draw: Draw) -> Document:
    """Return a case in which every plugin has something to say."""
    sizes = [nodes.room(draw, extended=True) for _ in range(draw.whole(2, 6))]
    count = draw.whole(15, MOST_NODES)
    found = [nodes.node(draw, f"node-{i}", draw.pick(sizes)) for i in range(count)]
    nodes.add_taints(draw, found, 0.25, nodes.EFFECTS)
    put_images(draw, found, 0.5)
    for each in found:
        if draw.chance(0.03):
            each["spec"]["unschedulable"] = True
    names = nodes.names(found)
    bound = pods.bound_pods(draw, names, 1.2, _spec)
    pending = pods.pending_pods(draw, 15, MOST_PODS, _spec)
    interpod.into_namespaces(draw, [*bound, *pending])
    for each in bound:
        each["spec"].pop("topologySpreadConstraints", None)
    for each in pending:
        _wishes(draw, each["spec"], names)
    objects = [
        *interpod.namespaces(draw),
        *selecting(draw),
        *disruption_budgets(draw, bound, 2),
    ]
    return assembled(found, pending, bound=bound, objects=objects, config=_config(draw))


def _config(draw: Draw) -> Document | None:
    if draw.chance(0.6):
        return None
    args = [configs.fit(draw), configs.inter_pod_affinity(draw)]
    return configs.configuration(configs.profile(*args))


def _spec(draw: Draw) -> Document:
    kind = draw.pick(["plain", "plain", "plain", "rich", "rich", "ports"])
    makers = {"plain": pods.plain_spec, "rich": pods.rich_spec, "ports": ports.spec}
    spec = makers[kind](draw)
    if draw.chance(0.3):
        affinity = terms.pod_affinity(draw, 0.25)
        if affinity:
            spec["affinity"] = affinity
    if draw.chance(0.5):
        spec["priority"] = draw.pick(PRIORITIES)
    return spec


def _wishes(draw: Draw, spec: Document, names: list[str]) -> None:
    if draw.chance(0.2):
        wish = {"nodeAffinity": terms.node_affinity(draw, names)}
        spec["affinity"] = spec.get("affinity", {}) | wish
    if draw.chance(0.3):
        spec["tolerations"] = terms.tolerations(draw, 1, 3)
    if draw.chance(0.3):
        spec["topologySpreadConstraints"] = terms.spread(draw, most=2)
    if draw.chance(0.02):
        spec["schedulingGates"] = [{"name": "example.com/wait"}]
