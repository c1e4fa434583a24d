"""The generators of cases, one group a file, and the case they all return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]


def assembled(
    nodes: Sequence[Document],
    pending: Sequence[Document],
    *,
    bound: Sequence[Document] = (),
    objects: Sequence[Document] = (),
    config: Document | None = None,
    events: Sequence[Document] = (),
    sampling: bool = False,
) -> Document:
    """Return a case in the recorded format, without its name and group."""
    found: Document = {
        "config": config,
        "nodes": list(nodes),
        "objects": list(objects),
        "bound": list(bound),
        "pending": list(pending),
    }
    if events:
        found["events"] = list(events)
    if sampling:
        found["sampling"] = True
    return found
