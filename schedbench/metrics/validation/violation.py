"""How the validator tells what is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

PLUGIN_OF: Mapping[str, str] = MappingProxyType(
    {
        "node name": "NodeName",
        "node selector": "NodeAffinity",
        "node affinity": "NodeAffinity",
        "taint": "TaintToleration",
        "unschedulable node": "NodeUnschedulable",
        "host port": "NodePorts",
        "resources": "NodeResourcesFit",
        "pod limit": "NodeResourcesFit",
        "pod affinity": "InterPodAffinity",
        "pod anti-affinity": "InterPodAffinity",
        "anti-affinity of others": "InterPodAffinity",
        "topology spread": "PodTopologySpread",
        "volume disk": "VolumeRestrictions",
        "volume claim": "VolumeBinding",
        "volume node affinity": "VolumeBinding",
        "volume zone": "VolumeZone",
        "volume limit": "NodeVolumeLimits",
    }
)
"""Rule → the filter that keeps it; rules without one always hold."""


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """A hard constraint that a log breaks.

    Attributes
    ----------
    pod, node
        Names; empty where none is concerned.
    time
        Simulated seconds.
    rule
        Name of the broken rule.
    detail
        The values that contradict each other.
    """

    pod: str
    node: str
    time: float
    rule: str
    detail: str
