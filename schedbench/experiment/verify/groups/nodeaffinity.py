"""nodeaffinity: selectors and terms over nodes' labels and names."""

from __future__ import annotations

from schedbench.experiment.verify import configs, nodes, pods, terms
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled


def case(draw: Draw) -> Document:
    """Return a case whose pods choose nodes by label, number and name."""
    found = nodes.nodes(draw, 3, 14)
    names = nodes.names(found)
    pending = pods.pending_pods(draw, 3, 10)
    for each in pending:
        if draw.chance(0.85):
            wish = {"nodeAffinity": terms.node_affinity(draw, names)}
            each["spec"]["affinity"] = wish
        if draw.chance(0.25):
            each["spec"]["nodeSelector"] = terms.node_selector(draw)
    config = None
    if draw.chance(0.15):
        added = configs.added_affinity(draw, names)
        config = configs.configuration(configs.profile(added))
    bound = pods.bound_pods(draw, names, 1.0)
    return assembled(found, pending, bound=bound, config=config)
