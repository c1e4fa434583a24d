"""How long things take: distributions, drawn from named streams."""

from __future__ import annotations

import dataclasses
import math

from schedbench.rng import stream

BLOCK = 1024
NORMAL_99 = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""


@dataclasses.dataclass(frozen=True, slots=True)
class Latency:
    """A log-normal time, told by its median and its 99th percentile, in seconds.

    Equal ones make a constant; a median of 0 takes no time.
    """

    median: float
    p99: float | None = None
    sigma: float = dataclasses.field(init=False, repr=False, compare=False)
    """Standard deviation of the logarithm."""

    def __post_init__(self) -> None:
        sigma = 0.0
        if self.p99 is not None and self.median > 0:
            sigma = math.log(self.p99 / self.median) / NORMAL_99
        object.__setattr__(self, "sigma", sigma)

    @property
    def mean(self) -> float:
        """Return the mean, in seconds."""
        return self.median * math.exp(self.sigma**2 / 2)


class Draws:
    """The random numbers of one component, in the order in which it asks."""

    def __init__(self, seed: int, name: str) -> None:
        self._generator = stream(seed, name)
        self._normal: list[float] = []
        self._uniform: list[float] = []

    def seconds(self, latency: Latency) -> float:
        """Return how long something takes this time."""
        sigma = latency.sigma
        if sigma == 0.0:
            return latency.median
        if not self._normal:
            self._normal = self._generator.standard_normal(BLOCK).tolist()
        return latency.median * math.exp(sigma * self._normal.pop())

    def uniform(self) -> float:
        """Return a number from [0, 1)."""
        if not self._uniform:
            self._uniform = self._generator.random(BLOCK).tolist()
        return self._uniform.pop()

    def choice(self, count: int) -> int:
        """Return one of `count` numbers from 0 on."""
        return min(int(self.uniform() * count), count - 1)
