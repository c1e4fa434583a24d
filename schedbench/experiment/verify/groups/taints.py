"""taints: several taints a node, cordoned nodes, tolerations of every form."""

from __future__ import annotations

from schedbench.experiment.verify import nodes, pods, terms
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled


def case(draw: Draw) -> Document:
    """Return a case of tainted and cordoned nodes."""
    found = nodes.nodes(draw, 3, 14)
    for each in found:
        if draw.chance(0.8):
            taints = [nodes.taint(draw) for _ in range(draw.pick([1, 1, 2, 2, 3]))]
            each["spec"]["taints"] = taints
        if draw.chance(0.15):
            each["spec"]["unschedulable"] = True
            if draw.chance(0.7):
                mark = {"key": nodes.UNSCHEDULABLE, "effect": "NoSchedule"}
                each["spec"].setdefault("taints", []).append(mark)
    pending = pods.pending_pods(draw, 3, 10)
    for each in pending:
        if draw.chance(0.9):
            each["spec"]["tolerations"] = terms.tolerations(draw, 1, 6)
        if draw.chance(0.05):
            each["spec"]["nodeName"] = ""
    bound = pods.bound_pods(draw, nodes.names(found), 1.0)
    return assembled(found, pending, bound=bound)
