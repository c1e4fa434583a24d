"""Groups of nodes that a cluster autoscaler adds and removes, as scenarios say them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

from msgspec import Meta, Struct, field

from schedbench.controlplane.latency import Latency
from schedbench.sources.synthetic.nodes import NodeShape

if TYPE_CHECKING:
    from schedbench.controlplane.cluster_autoscaler import NodePool

Positive: TypeAlias = Annotated[float, Meta(gt=0)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]


class Provisioning(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Seconds from the order of a machine to its start, log-normal."""

    median: Positive = 60.0
    p99: Positive = 180.0

    def __post_init__(self) -> None:
        if self.p99 < self.median:
            raise ValueError("p99 is below the median")


class NodeGroup(NodeShape, forbid_unknown_fields=True, kw_only=True):
    """Nodes of one shape that the cluster autoscaler adds and removes.

    Nodes of the cluster whose names are `name-number` belong to it from the start.

    Attributes
    ----------
    min, max
        How many there may be.
    provisioning
        How long one takes to come.
    """

    min: Count = 0
    max: Count = 1000
    provisioning: Provisioning = field(default_factory=Provisioning)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max < self.min:
            raise ValueError("max is below min")


def pool(group: NodeGroup) -> NodePool:
    """Return a group as the cluster autoscaler sees it."""
    from schedbench.controlplane.cluster_autoscaler import NodePool

    times = Latency(group.provisioning.median, group.provisioning.p99)
    return NodePool(group.name, group.node(), group.min, group.max, times)
