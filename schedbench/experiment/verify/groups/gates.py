"""gates: scheduling gates, pods of no profile, pods being deleted, no nodes at all."""

from __future__ import annotations

from schedbench.experiment.verify import configs, nodes, pods
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled


def case(draw: Draw) -> Document:
    """Return a case of pods that are not all tried."""
    offered = nodes.room(draw)
    count = draw.pick([0, 1, 2, 2, 3, 4])
    found = [nodes.node(draw, f"node-{i}", offered) for i in range(count)]
    pending = pods.pending_pods(draw, 2, 6)
    for each in pending:
        spec = each["spec"]
        if draw.chance(0.5):
            gates = range(draw.whole(1, 3))
            spec["schedulingGates"] = [{"name": f"example.com/g{i}"} for i in gates]
        if draw.chance(0.2):
            spec["schedulerName"] = draw.pick(["default-scheduler", "other"])
        if draw.chance(0.1):
            pods.delete(each)
    config = None
    if draw.chance(0.1):
        gone = {"preEnqueue": {"disabled": [{"name": "SchedulingGates"}]}}
        config = configs.configuration(configs.profile(plugins=gone))
    return assembled(found, pending, config=config)
