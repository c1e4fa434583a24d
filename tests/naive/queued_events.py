"""What happens in a run, and the versions of a pod while it does."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from naive.placed import Placed

from schedbench.objects.pod import Pod


class Event(NamedTuple):
    """What happened; `pod` is −1 for a node's, `node` None where none is concerned."""

    time: float
    kind: str
    pod: int
    node: str | None = None


class Home(NamedTuple):
    """A pod's node, what is there of it, and when it will finish."""

    node: str
    placed: Placed
    end: float


def on_node(pod: Pod, name: str) -> Pod:
    """Return the pod as it is on a node."""
    spec = msgspec.structs.replace(pod.spec, node_name=name)
    return msgspec.structs.replace(pod, spec=spec)


def nominated_to(pod: Pod, name: str | None) -> Pod:
    """Return the pod as it is when nominated to a node, or to none."""
    status = msgspec.structs.replace(pod.status, nominated_node_name=name)
    return msgspec.structs.replace(pod, status=status)


def started(pod: Pod, time: str | None) -> Pod:
    """Return the pod as it is since it runs."""
    status = msgspec.structs.replace(pod.status, start_time=time)
    return msgspec.structs.replace(pod, status=status)
