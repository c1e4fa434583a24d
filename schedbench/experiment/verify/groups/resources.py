"""resources: requests that need care to sum, and nodes they just fit or just do not."""

from __future__ import annotations

from schedbench.experiment.verify import amounts, nodes, pods
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled


def case(draw: Draw) -> Document:
    """Return a case with extended resources, sidecars, overhead and resizes."""
    found = nodes.nodes(draw, 2, 14, extended=True)
    bound = pods.bound_pods(draw, nodes.names(found), 1.5, pods.rich_spec)
    for each in bound:
        if draw.chance(0.15):
            status = pods.resize(draw, {"spec": each["spec"]})["status"]
            each["status"] |= status
    pending = pods.pending_pods(draw, 3, 10, pods.rich_spec)
    for each in pending:
        if draw.chance(0.12):
            each["spec"] = exact(draw, draw.pick(found))
    return assembled(found, pending, bound=bound)


def exact(draw: Draw, node: Document) -> Document:
    """Return a specification that asks for about all that a node has of something."""
    offered = node["status"].get("allocatable") or node["status"]["capacity"]
    requests = {}
    for name in draw.some(["cpu", "memory", nodes.DISK], 1, 2):
        if name in offered:
            requests[name] = offered[name]
    if "cpu" in requests and draw.chance(0.3):
        extra = {"requests": {"cpu": draw.pick(["1m", "1n", "0"])}}
        more = [{"name": "d", "image": pods.IMAGES[0], "resources": extra}]
    elif "memory" in requests and draw.chance(0.3):
        extra = {"requests": {"memory": amounts.memory(draw, draw.pick([1, 2**20]))}}
        more = [{"name": "d", "image": pods.IMAGES[0], "resources": extra}]
    else:
        more = []
    first = {"name": "c", "image": pods.IMAGES[1], "resources": {"requests": requests}}
    return {"containers": [first, *more]}
