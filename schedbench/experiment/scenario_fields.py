"""The smaller parts of a scenario file."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from schedbench.sources.synthetic.streams import SyntheticStream


class Seeds(Struct, forbid_unknown_fields=True):
    """The seeds `first`, `first` + 1, … of which each is one repeat.

    Attributes
    ----------
    until
        How well means are to be known, such as `nodes_used:1%`: repeats are then added
        until they are, at most `max` in all.
    """

    first: Annotated[int, Meta(ge=0)] = 1
    repeats: Annotated[int, Meta(ge=1, le=10_000)] = 5
    until: list[str] = field(default_factory=list)
    max: Annotated[int, Meta(ge=8, le=10_000)] = 200

    def values(self) -> list[int]:
        """Return the seeds."""
        return list(range(self.first, self.first + self.repeats))


class Limits(Struct, forbid_unknown_fields=True):
    """The most nodes and pods; raise them where such a number is meant."""

    nodes: Annotated[int, Meta(ge=1)] = 200_000
    pods: Annotated[int, Meta(ge=1)] = 20_000_000


class SyntheticWorkload(Struct, forbid_unknown_fields=True):
    """Streams of pods, and further Kubernetes objects as written in manifests."""

    streams: list[SyntheticStream] = field(default_factory=list)
    objects: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = [each.name for each in self.streams]
        if len(set(names)) < len(names):
            raise ValueError("two streams have the same name")


class Openb(Struct, forbid_unknown_fields=True):
    """The Alibaba GPU trace of 2023.

    Attributes
    ----------
    data
        The folder with `nodes/` and `pods/`.
    trace
        Which list of pods: the name that its file in `pods/` ends with.
    traces
        Several such names, as a list or `a,b`, each a scenario of its own; `all` for
        every list in the folder. It wins over `trace`.
    tune
        Request of all pods, in multiples of the cluster's GPU capacity; 0 = as it is.
    times
        Whether pods arrive and end as they did, rather than one after the other.
    """

    data: str | None = None
    trace: str = "default"
    traces: str | list[str] | None = None
    tune: Annotated[float, Meta(ge=0)] = 1.3
    times: bool = False
