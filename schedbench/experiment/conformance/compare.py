"""Our decision and the recorded one, field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from schedbench.experiment.conformance.cases import Decision

ABSENT = "–"


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """A field in which two decisions differ; `ABSENT` where one has none."""

    field: str
    recorded: object
    ours: object


def differences(recorded: Decision, ours: Decision) -> list[Difference]:
    """Return all fields in which two decisions differ.

    A field that is empty, false or null is as good as absent; numbers are not.
    """
    return list(_walk("", recorded, ours))


def _walk(path: str, recorded: Any, ours: Any) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in recorded.keys() | ours.keys():
            place = f"{path}.{key}" if path else str(key)
            yield from _walk(place, recorded.get(key), ours.get(key))
    elif not (_is_empty(recorded) and _is_empty(ours)) and recorded != ours:
        yield Difference(path, _shown(recorded), _shown(ours))


def _is_empty(value: object) -> bool:
    return value is None or value is False or value == "" or value in ([], {})


def _shown(value: object) -> object:
    return ABSENT if _is_empty(value) else value
