"""Every plugin under its name, as `module:class`, loaded when it is used."""

from __future__ import annotations

import importlib

from schedbench.errors import UnknownNameError
from schedbench.plugins.base import Plugin

_ROOM = "schedbench.plugins"

PLUGINS = {
    "Alignment": f"{_ROOM}.alignment:Alignment",
    "GpuBestFit": f"{_ROOM}.gpu_best_fit:GpuBestFit",
    "GpuClustering": f"{_ROOM}.gpu_clustering:GpuClustering",
    "GpuDotProduct": f"{_ROOM}.gpu_dot_product:GpuDotProduct",
    "GpuFragmentation": f"{_ROOM}.gpu_fragmentation:GpuFragmentation",
    "GpuPacking": f"{_ROOM}.gpu_packing:GpuPacking",
    "GpuShare": f"{_ROOM}.gpu_share:GpuShare",
    "ImageLocality": f"{_ROOM}.image_locality:ImageLocality",
    "InterPodAffinity": f"{_ROOM}.inter_pod_affinity:InterPodAffinity",
    "NodeAffinity": f"{_ROOM}.node_affinity:NodeAffinity",
    "NodeName": f"{_ROOM}.node_name:NodeName",
    "NodePorts": f"{_ROOM}.node_ports:NodePorts",
    "NodeResourcesBalancedAllocation": (
        f"{_ROOM}.node_resources_balanced_allocation:NodeResourcesBalancedAllocation"
    ),
    "NodeResourcesFit": f"{_ROOM}.node_resources_fit:NodeResourcesFit",
    "NodeUnschedulable": f"{_ROOM}.node_unschedulable:NodeUnschedulable",
    "PodTopologySpread": f"{_ROOM}.pod_topology_spread:PodTopologySpread",
    "RemainingCapacity": f"{_ROOM}.remaining_capacity:RemainingCapacity",
    "TaintToleration": f"{_ROOM}.taint_toleration:TaintToleration",
}


def plugin_class(name: str) -> type[Plugin]:
    """Return the class of a plugin.

    Raises
    ------
    UnknownNameError
        If there is no plugin of that name.
    """
    if name not in PLUGINS:
        raise UnknownNameError("plugin", name, PLUGINS)
    module, _, attribute = PLUGINS[name].partition(":")
    found: type[Plugin] = getattr(importlib.import_module(module), attribute)
    return found
