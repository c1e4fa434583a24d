"""Which GPU devices a pod takes on the node that was chosen for it."""

from __future__ import annotations

from schedbench.cluster.layout import ClusterState
from schedbench.jit import kernel
from schedbench.plugins.gpu_fragmentation import least_fragmenting_device
from schedbench.plugins.gpu_share import (
    DeviceRule,
    choose_devices,
    devices_state,
    fitting_devices,
    nth_fitting_device,
    takes_share,
)
from schedbench.scheduler.cycle import Compiled
from schedbench.scheduler.select import draw


@kernel
def take_devices(
    state: ClusterState, compiled: Compiled, pod_class: int, node: int
) -> int:
    """Return the devices that a pod of the class takes on a node that fits, as bits.

    The profile's rule is about shares; whole devices are the same under every rule.
    """
    classes, choice = compiled.classes, compiled.choice
    if choice.devices == DeviceRule.FULLEST or not takes_share(classes, pod_class):
        return choose_devices(state, classes, pod_class, node)
    if choice.devices == DeviceRule.FRAGMENTATION:
        target = compiled.columns.target
        device = least_fragmenting_device(state, classes, target, pod_class, node)
    else:
        milli = classes.gpu_milli[pod_class]
        fitting = fitting_devices(state, milli, node)
        nth = draw(choice.device_key, devices_state(state, node), fitting)
        device = nth_fitting_device(state, milli, node, nth)
    return 1 << device if device >= 0 else 0
