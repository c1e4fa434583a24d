"""KubeSchedulerConfigurations for random cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schedbench.experiment.verify.draws import Draw
from schedbench.experiment.verify.nodes import DISK, FPGA, GPU, Document
from schedbench.experiment.verify.terms import REQUIRED, node_term, preferred_nodes

VERSION = "kubescheduler.config.k8s.io/v1"
RESOURCES = ("cpu", "memory", DISK, GPU, FPGA)
SCORED = (
    "TaintToleration",
    "NodeAffinity",
    "PodTopologySpread",
    "InterPodAffinity",
    "NodeResourcesFit",
    "NodeResourcesBalancedAllocation",
    "ImageLocality",
)
FILTERS = ("NodeUnschedulable", "TaintToleration", "NodeAffinity", "NodeResourcesFit")


def configuration(*profiles: Document, **top: Any) -> Document:
    """Return a configuration of profiles."""
    return {
        "apiVersion": VERSION,
        "kind": "KubeSchedulerConfiguration",
        **top,
        "profiles": list(profiles),
    }


def profile(
    *arguments: Document,
    plugins: Document | None = None,
    name: str = "default-scheduler",
    **more: Any,
) -> Document:
    """Return a profile with the arguments of some plugins."""
    found: Document = {"schedulerName": name, **more}
    if plugins:
        found["plugins"] = plugins
    if arguments:
        found["pluginConfig"] = list(arguments)
    return found


def arguments(plugin: str, **values: Any) -> Document:
    """Return the arguments of a plugin, as a profile carries them."""
    kind = {"apiVersion": VERSION, "kind": f"{plugin}Args"}
    return {"name": plugin, "args": {**values, **kind}}


def fit(draw: Draw) -> Document:
    """Return arguments of NodeResourcesFit: a strategy over some resources."""
    kind = draw.pick(["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"])
    strategy: Document = {"type": kind, "resources": weighted(draw, (1, 2, 3, 5, 10))}
    if kind == "RequestedToCapacityRatio":
        strategy["requestedToCapacityRatio"] = {"shape": shape(draw)}
    values: Document = {"scoringStrategy": strategy}
    if draw.chance(0.2):
        values["ignoredResources"] = [draw.pick([GPU, FPGA])]
    if draw.chance(0.2):
        values["ignoredResourceGroups"] = [draw.pick(["nvidia.com", "example.com"])]
    return arguments("NodeResourcesFit", **values)


def shape(draw: Draw) -> list[Document]:
    """Return points of a function of the use, which may fall as well as rise."""
    uses = draw.some(range(0, 101, 5), 2, 5)
    return [{"utilization": use, "score": draw.whole(0, 10)} for use in uses]


def weighted(draw: Draw, weights: Sequence[int]) -> list[Document]:
    """Return some resources with weights."""
    found = draw.some(RESOURCES, 1, 4)
    return [{"name": name, "weight": draw.pick(weights)} for name in found]


def balanced(draw: Draw) -> Document:
    """Return arguments of NodeResourcesBalancedAllocation."""
    return arguments("NodeResourcesBalancedAllocation", resources=weighted(draw, (1,)))


def inter_pod_affinity(draw: Draw) -> Document:
    """Return arguments of InterPodAffinity."""
    return arguments(
        "InterPodAffinity",
        hardPodAffinityWeight=draw.pick([0, 1, 10, 100]),
        ignorePreferredTermsOfExistingPods=draw.chance(0.5),
    )


def added_affinity(draw: Draw, names: Sequence[str]) -> Document:
    """Return arguments of NodeAffinity: terms that every pod of the profile gets."""
    added: Document = {}
    if draw.chance(0.5):
        terms = [node_term(draw, names, 0.1) for _ in range(draw.whole(1, 2))]
        added[REQUIRED] = {"nodeSelectorTerms": terms}
    if not added or draw.chance(0.5):
        preferred = "preferredDuringSchedulingIgnoredDuringExecution"
        added[preferred] = preferred_nodes(draw, names)[:3]
    return arguments("NodeAffinity", addedAffinity=added)


def default_spread(draw: Draw) -> Document:
    """Return arguments of PodTopologySpread: constraints for pods without any."""
    keys = draw.some(
        ["topology.kubernetes.io/zone", "kubernetes.io/hostname", "rack"], 1, 3
    )
    constraints = [
        {
            "maxSkew": draw.whole(1, 3),
            "topologyKey": key,
            "whenUnsatisfiable": draw.pick(
                ["ScheduleAnyway", "ScheduleAnyway", "DoNotSchedule"]
            ),
        }
        for key in keys
    ]
    return arguments(
        "PodTopologySpread", defaultConstraints=constraints, defaultingType="List"
    )


def plugin_sets(draw: Draw) -> Document:
    """Return plugins taken out of a profile, or given another weight."""
    found: Document = {}
    if draw.chance(0.4):
        out = ["*"] if draw.chance(0.2) else draw.some(SCORED, 1, 3)
        chosen = list(SCORED) if out == ["*"] else out
        found["score"] = {"disabled": _named(out)}
        if draw.chance(0.7):
            found["score"]["enabled"] = _with_weights(draw, draw.some(chosen, 1, 4))
    elif draw.chance(0.3):
        out = draw.some(("TaintToleration", "InterPodAffinity", *SCORED[-1:]), 1, 2)
        found["multiPoint"] = {"disabled": _named(out)}
    elif draw.chance(0.3):
        found["multiPoint"] = {"enabled": _with_weights(draw, draw.some(SCORED, 1, 4))}
    if draw.chance(0.1) and "multiPoint" not in found:
        found["filter"] = {"disabled": _named(draw.some(FILTERS, 1, 2))}
    return found


def _named(names: Sequence[str]) -> list[Document]:
    return [{"name": name} for name in names]


def _with_weights(draw: Draw, names: Sequence[str]) -> list[Document]:
    weights = [1, 5, 10, 20, 50, 100]
    return [{"name": name, "weight": draw.pick(weights)} for name in names]
