"""What the generators of cases draw with: a few short words over numpy's generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draw:
    """Draws plain Python values, which JSON can carry."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def chance(self, probability: float) -> bool:
        """Return true with a probability."""
        return bool(self._generator.random() < probability)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number of low..high, both included."""
        return int(self._generator.integers(low, high, endpoint=True))

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.whole(0, len(values) - 1)]

    def some(self, values: Sequence[T], low: int, high: int) -> list[T]:
        """Return low..high different ones of the values, in their own order."""
        count = min(self.whole(low, high), len(values))
        chosen = self._generator.choice(len(values), size=count, replace=False)
        return [values[place] for place in sorted(chosen.tolist())]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """Return the values in another order."""
        return [values[place] for place in self._generator.permutation(len(values))]
