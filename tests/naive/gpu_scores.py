"""The scores of the GPU policies, and the devices they choose."""

from __future__ import annotations

from naive import best_fit, dot_prod, fgd, gpu, gpu_clustering, gpu_packing
from naive.fragmentation import Measure, Typical
from naive.placed import Placed
from naive.profile import Profile
from naive.world import World

from schedbench.objects.node import Node
from schedbench.objects.pod import Pod


def scores(
    plugin: str, pod: Pod, nodes: list[Node], world: World, profile: Profile
) -> list[int]:
    """Return the scores of a GPU policy."""
    wanted = gpu.demand(pod)
    views = [
        gpu.view(node, list(world.placed.get(node.metadata.name, ()))) for node in nodes
    ]
    match plugin:
        case "BestFit":
            return best_fit.normalize(
                [best_fit.raw(wanted, seen, profile.largest) for seen in views]
            )
        case "DotProd":
            return [dot_prod.raw(wanted, seen, profile.largest) for seen in views]
        case "GpuPacking":
            return [gpu_packing.raw(wanted, seen) for seen in views]
        case "GpuClustering":
            return [gpu_clustering.raw(wanted, seen, profile.largest) for seen in views]
        case "FGD":
            measure = measure_of(profile.typical)
            return [fgd.raw(wanted, seen, measure) for seen in views]
    raise KeyError(plugin)


def measure_of(typical: Typical) -> Measure:
    """Return the fragmentation measure of a target workload, made once."""
    if id(typical) not in _MEASURES or _MEASURES[id(typical)][0] is not typical:
        _MEASURES[id(typical)] = (typical, Measure(typical))
    return _MEASURES[id(typical)][1]


_MEASURES: dict[int, tuple[Typical, Measure]] = {}


def devices(
    pod: Pod, node: Node, placed: list[Placed], profile: Profile
) -> tuple[int, ...]:
    """Return the devices that the pod takes on a node."""
    wanted, seen = gpu.demand(pod), gpu.view(node, placed)
    if "FGD" in profile.weights:
        return fgd.devices(wanted, seen, measure_of(profile.typical))
    return gpu.best_devices(wanted, seen)
