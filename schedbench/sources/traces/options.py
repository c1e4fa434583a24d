"""How a scenario plays an imported trace."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Above = Annotated[float, Meta(gt=0)]


class Trace(Struct, forbid_unknown_fields=True, kw_only=True):
    """An imported trace and how to play it.

    Attributes
    ----------
    file
        The folder that `schedbench import` wrote.
    first, last
        Seconds of the trace between which pods arrive; those that run at `first`
        stay out. Times count from `first`.
    thin
        Share of the gangs and single pods to keep, and of the nodes.
    bootstrap
        Gangs and single pods to draw anew, by class; nodes are scaled alike.
    rate
        How many times as fast pods arrive; durations stay.
    nodes
        Share of the nodes, instead of what `thin` or `bootstrap` imply.
    gangs
        Whether the pods of a gang are placed together or not at all, as PodGroups in
        kube-scheduler's queue; without it each pod is placed alone.
    constraints
        Whether pods keep to the nodes that the trace says they may use.
    namespaces
        Whether each user of the trace has a namespace.
    pods_per_node
        How many pods a node allows.
    """

    file: str | None = None
    first: Annotated[float, Meta(ge=0)] = 0.0
    last: Above | None = None
    thin: Annotated[float, Meta(gt=0, le=1)] = 1.0
    bootstrap: Annotated[int, Meta(ge=1)] | None = None
    rate: Above = 1.0
    nodes: Above | None = None
    gangs: bool = False
    constraints: bool = True
    namespaces: bool = False
    pods_per_node: Annotated[int, Meta(ge=1)] = 10_000
