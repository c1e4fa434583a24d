"""churn: nodes come, go, return and change between the pods; pods leave."""

from __future__ import annotations

from schedbench.experiment.verify import nodes, pods, terms
from schedbench.experiment.verify.changes import changes
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled, interpod
from schedbench.experiment.verify.groups.images import put_images

HIGH_ZONES = (*nodes.ZONES, "us-east-1d")


def case(draw: Draw) -> Document:
    """Return a case with changes before many of its pods."""
    sizes = [nodes.room(draw) for _ in range(draw.whole(1, 3))]

    def make(name: str) -> Document:
        found = nodes.node(draw, name, draw.pick(sizes))
        found["metadata"]["labels"] = nodes.labels(draw, name, HIGH_ZONES)
        nodes.add_taints(draw, [found], 0.2, nodes.EFFECTS[:2])
        put_images(draw, [found], 0.6)
        return found

    found = [make(f"node-{i}") for i in range(draw.whole(3, 12))]
    bound = pods.bound_pods(draw, nodes.names(found), 0.7, _spec)
    pending = pods.pending_pods(draw, 8, 18, _spec)
    interpod.into_namespaces(draw, [*bound, *pending])
    for each in pending:
        if draw.chance(0.2):
            each["spec"]["topologySpreadConstraints"] = terms.spread(draw)
        if draw.chance(0.05):
            each["spec"]["priority"] = 1000
    events = changes(draw, found, bound, pending, make, 0.38)
    objects = interpod.namespaces(draw)
    return assembled(found, pending, bound=bound, objects=objects, events=events)


def _spec(draw: Draw) -> Document:
    return interpod.spec(draw, 0.3)
