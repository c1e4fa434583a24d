"""What a controller has done and not yet seen: until then it does no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from schedbench.clock import Clock

TIMEOUT = 300.0
"""Seconds after which a controller no longer waits.

Source: `ExpectationsTimeout`, kubernetes/kubernetes pkg/controller/controller_utils.go.
"""


@dataclasses.dataclass(slots=True)
class _Expected:
    since: float
    creations: int
    deletions: dict[str, None]


class Expectations:
    """The creations and deletions of each key that have not been seen yet.

    A deletion is known by the object's key, so that it counts once, whether it is seen
    as a deletion time or as a deletion.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expected: dict[str, _Expected] = {}

    def expect(
        self, key: str, creations: int = 0, deletions: Iterable[str] = ()
    ) -> None:
        """Wait for these instead of what was waited for before."""
        gone = dict.fromkeys(deletions)
        self._expected[key] = _Expected(self._clock.now, creations, gone)

    def created(self, key: str, count: int = 1) -> None:
        """Take creations as seen, or as failed."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.creations -= count

    def deleted(self, key: str, item: str) -> None:
        """Take a deletion as seen, or as failed."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.deletions.pop(item, None)

    def satisfied(self, key: str) -> bool:
        """Return whether all has been seen, or been waited for long enough."""
        expected = self._expected.get(key)
        if expected is None:
            return True
        if expected.creations <= 0 and not expected.deletions:
            return True
        return self._clock.now - expected.since > TIMEOUT

    def forget(self, key: str) -> None:
        """Wait for nothing."""
        self._expected.pop(key, None)
