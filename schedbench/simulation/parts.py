"""From a scenario's plan to the components of its cluster."""

from __future__ import annotations

from collections.abc import Sequence

from schedbench.simulation.addons import Addons
from schedbench.simulation.end_to_end import hollow_nodes
from schedbench.simulation.full_nodes import full_nodes
from schedbench.simulation.plan import EndToEnd
from schedbench.simulation.wiring import Component


def components_of(plan: EndToEnd) -> Sequence[Component]:
    """Return what wires the cluster besides the API and the scheduler."""
    if plan.nodes == "hollow":
        return [hollow_nodes]
    addons = Addons()
    components = [*full_nodes(addons)]
    if "dns" in plan.addons:
        components.append(addons.dns)
    if "metrics-server" in plan.addons:
        components.append(addons.metrics_server)
    if "ingress" in plan.addons:
        components.append(addons.ingress(plan.load))
    if plan.autoscaler:
        components.append(addons.cluster_autoscaler(plan.autoscaler))
    return components
