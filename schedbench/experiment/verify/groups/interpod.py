"""interpod: affinity between pods, in several namespaces, seen from both sides."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.experiment.verify import configs, nodes, pods, terms
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled


def case(draw: Draw) -> Document:
    """Return a case whose bound and pending pods have terms over each other."""
    found = nodes.nodes(draw, 3, 14)
    bound = pods.bound_pods(draw, nodes.names(found), 0.8, spec)
    pending = pods.pending_pods(draw, 3, 12, spec)
    into_namespaces(draw, [*bound, *pending])
    config = None
    if draw.chance(0.4):
        args = configs.inter_pod_affinity(draw)
        config = configs.configuration(configs.profile(args))
    objects = namespaces(draw)
    return assembled(found, pending, bound=bound, objects=objects, config=config)


def spec(draw: Draw, share: float = 0.8) -> Document:
    """Return a plain specification, mostly with terms over pods."""
    found = pods.plain_spec(draw)
    if draw.chance(share):
        affinity = terms.pod_affinity(draw)
        if affinity:
            found["affinity"] = affinity
    return found


def namespaces(draw: Draw) -> list[Document]:
    """Return Namespaces; some have no team, and some have no object at all."""
    found = []
    for name in pods.NAMESPACES:
        if draw.chance(0.08):
            continue
        labels = {"kubernetes.io/metadata.name": name}
        if draw.chance(0.7):
            labels["team"] = draw.pick(["red", "green", "blue"])
        metadata = {"name": name, "labels": labels}
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return found


def into_namespaces(draw: Draw, found: Sequence[Document]) -> None:
    """Move four pods in ten into other namespaces."""
    for each in found:
        if draw.chance(0.4):
            each["metadata"]["namespace"] = draw.pick(pods.NAMESPACES[1:])
