"""What one API server has in memory, and forgets when it crashes."""

from __future__ import annotations

import collections

from schedbench.controlplane.admission import Admission
from schedbench.controlplane.flow_control import Level
from schedbench.controlplane.registry import StoreWatch
from schedbench.controlplane.requests import Request
from schedbench.controlplane.watch_cache import WatchCache


class Replica:
    """One API server: what it forgets when it crashes.

    Attributes
    ----------
    up
        Whether its process runs.
    ready
        Whether its watch cache has been filled.
    cache
        Its watch cache.
    calls
        The calls that it has got, the oldest first; answered ones among them.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.up = False
        self.ready = False
        self.cache: WatchCache
        self.admission: Admission
        self.levels: dict[str, Level[Request]] = {}
        self.calls: collections.deque[Request] = collections.deque()
        self.watch: StoreWatch | None = None
        self.sweeping = False
