"""strategies: profiles with other plugins, weights, strategies and arguments."""

from __future__ import annotations

from schedbench.experiment.verify import configs, nodes, pods, terms
from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.groups import Document, assembled
from schedbench.experiment.verify.groups.images import put_images


def case(draw: Draw) -> Document:
    """Return a case under a configuration, at times with a second profile."""
    found = nodes.nodes(draw, 3, 12, extended=True)
    names = nodes.names(found)
    nodes.add_taints(draw, found, 0.3, nodes.EFFECTS[:2])
    put_images(draw, found, 0.4)
    bound = pods.bound_pods(draw, names, 1.5, pods.rich_spec)
    pending = pods.pending_pods(draw, 3, 10, pods.rich_spec)
    profiles = [_profile(draw, names, "default-scheduler")]
    if draw.chance(0.25):
        profiles.append(_profile(draw, names, "packer"))
        for each in pending:
            if draw.chance(0.5):
                each["spec"]["schedulerName"] = "packer"
    for each in pending:
        _wishes(draw, each["spec"], names)
    return assembled(
        found, pending, bound=bound, config=configs.configuration(*profiles)
    )


def _profile(draw: Draw, names: list[str], name: str) -> Document:
    found = []
    if draw.chance(0.85):
        found.append(configs.fit(draw))
    if draw.chance(0.45):
        found.append(configs.balanced(draw))
    if draw.chance(0.3):
        found.append(configs.added_affinity(draw, names))
    if draw.chance(0.25):
        found.append(configs.inter_pod_affinity(draw))
    return configs.profile(*found, plugins=configs.plugin_sets(draw), name=name)


def _wishes(draw: Draw, spec: Document, names: list[str]) -> None:
    """Add what the plugins look at whose weights differ."""
    affinity: Document = {}
    if draw.chance(0.2):
        affinity |= {"nodeAffinity": terms.node_affinity(draw, names)}
    if draw.chance(0.2):
        affinity |= terms.pod_affinity(draw)
    if affinity:
        spec["affinity"] = affinity
    if draw.chance(0.2):
        spec["topologySpreadConstraints"] = terms.spread(draw)
    if draw.chance(0.4):
        spec["tolerations"] = terms.tolerations(draw, 1, 3)
