"""What a policy is, and the three ways to write one's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from schedbench.scheduler.profile import Profile, Tie

if TYPE_CHECKING:
    from schedbench.scheduler.profiles import Settings

VectorScore = Callable[..., Any]
BatchPlace = Callable[..., Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """A way to choose nodes, ready to run.

    Attributes
    ----------
    name
        What it is called.
    summary
        One sentence.
    profile
        Filters, scores and tie rule; own scores replace the profile's.
    parameters
        The parameters it was made with.
    profiles
        schedulerName → profile, of a configuration file; `profile` is one of them.
    vectorized
        `score(cluster, pod, feasible) -> float[N]`, a plain numpy function.
    batch
        `place(cluster, pods) -> int[B]`, a node slot for each pod or −1.
    outside
        A context manager over the `memory` of a batch policy, entered for each run: it
        holds what the policy has outside this process.
    draws
        How many uniform numbers in [0, 1) a vectorized score is given for each
        decision, as `draws`; the same from the same seed.
    source_digest
        Hash of the file of a user's own policy, None for a built-in one.
    """

    name: str
    summary: str
    profile: Profile
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    profiles: Mapping[str, Settings] | None = None
    vectorized: VectorScore | None = None
    batch: BatchPlace | None = None
    outside: Callable[[dict[str, Any]], AbstractContextManager[None]] | None = None
    source_digest: str | None = None
    draws: int = 0

    @property
    def spec(self) -> str:
        """The canonical `name[key=value,…]`, with parameters that were given."""
        given = ",".join(
            f"{key}={str(value).lower() if isinstance(value, bool) else value}"
            for key, value in sorted(self.parameters.items())
        )
        return f"{self.name}[{given}]" if given else self.name

    @property
    def compiled(self) -> bool:
        """Whether the compiled loop runs it."""
        return self.vectorized is None and self.batch is None


@dataclasses.dataclass(frozen=True, slots=True)
class OwnPolicy:
    """A user's function and how it is called: what the decorators below make."""

    function: Callable[..., Any]
    kind: str
    ties: Tie


def score(function: Callable[..., float] | None = None, *, ties: str = "random") -> Any:
    """Make a policy of `score(cluster, node, pod, **parameters) -> float`.

    It is compiled by numba into the scheduling cycle and called for each feasible
    node; the greatest score wins, `ties` is "random", "first" or "next".
    """
    return _decorate(function, "score", ties)


def vectorized(
    function: Callable[..., Any] | None = None, *, ties: str = "random"
) -> Any:
    """Make a policy of `score(cluster, pod, feasible, **parameters) -> float[N]`.

    It is plain Python with numpy; `feasible` is a bool[N].
    """
    return _decorate(function, "vectorized", ties)


def batch(function: Callable[..., Any] | None = None, *, ties: str = "first") -> Any:
    """Make a policy of `place(cluster, pods, **parameters) -> int[B]`.

    It is given all pods that wait at an instant and returns a node slot for each, or
    −1 to let it wait; a slot that is not feasible in turn is an error.
    """
    return _decorate(function, "batch", ties)


def _decorate(function: Callable[..., Any] | None, kind: str, ties: str) -> Any:
    tie = Tie[ties.upper()]
    if function is None:
        return lambda given: OwnPolicy(given, kind, tie)
    return OwnPolicy(function, kind, tie)
