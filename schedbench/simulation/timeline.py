"""The way of every pod through the cluster, hop by hop, with the time of each."""

from __future__ import annotations

import array
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from schedbench.clock import Clock
from schedbench.objects.pod import Pod

if TYPE_CHECKING:
    import pandas as pd

HOPS = (
    "applied",
    "admitted",
    "stored",
    "seen_by_scheduler",
    "decided",
    "bound",
    "seen_by_kubelet",
    "sandbox",
    "pulled",
    "started",
    "ready",
    "routable",
)
"""The hops of a pod, in causal order."""
_NUMBER = {hop: index for index, hop in enumerate(HOPS)}


class Timelines:
    """The stamps of all pods, as columns that grow.

    Parameters
    ----------
    clock
        By which stamps are made.

    Attributes
    ----------
    names
        `namespace/name` of each pod, in the order in which they were first stamped.
    uids
        Their uids.
    """

    def __init__(self, clock: Clock) -> None:
        self.names: list[str] = []
        self.uids: list[str] = []
        self._clock = clock
        self._index: dict[str, int] = {}
        self._pod = array.array("i")
        self._hop = array.array("b")
        self._time = array.array("d")

    def __len__(self) -> int:
        return len(self._time)

    def stamp(self, pod: Pod, hop: str) -> None:
        """Note that a pod comes to a hop now."""
        uid = pod.metadata.uid or pod.key
        index = self._index.get(uid)
        if index is None:
            index = self._index[uid] = len(self.names)
            self.names.append(pod.key)
            self.uids.append(uid)
        elif hop == "stored":  # a generateName has become a name
            self.names[index] = pod.key
        self._pod.append(index)
        self._hop.append(_NUMBER[hop])
        self._time.append(self._clock.now)

    def first(self) -> NDArray[np.float64]:
        """Return when each pod first came to each hop, float64[pod, hop]; NaN = never.

        A scheduler that tries again decides again: of `decided` the last time before
        the pod was bound counts.
        """
        times = np.full((len(self.names), len(HOPS)), np.nan)
        pod = np.frombuffer(self._pod, dtype=np.int32)
        hop = np.frombuffer(self._hop, dtype=np.int8)
        time = np.frombuffer(self._time, dtype=np.float64)
        _, first = np.unique(pod.astype(np.int64) * len(HOPS) + hop, return_index=True)
        times[pod[first], hop[first]] = time[first]
        decided, bound = _NUMBER["decided"], _NUMBER["bound"]
        late = hop == decided
        late[late] = ~(time[late] > times[pod[late], bound])
        times[pod[late], decided] = time[late]
        return times

    def disorder(self) -> list[str]:
        """Return where an effect comes before its cause, one sentence each."""
        times = self.first()
        before = np.fmax.accumulate(times, axis=1)
        wrong = times[:, 1:] < before[:, :-1]
        return [
            f"{self.names[pod]} was {HOPS[hop + 1]} at {times[pod, hop + 1]} s, "
            f"but came to an earlier hop at {before[pod, hop]} s"
            for pod, hop in zip(*map(np.ndarray.tolist, wrong.nonzero()), strict=True)
        ]

    def frame(self, ends: Mapping[str, tuple[str, float, str]]) -> pd.DataFrame:
        """Return a row for each pod that was stored, with the time of each hop.

        Columns: uid, namespace, name, node, the hops, `deleted` (NaN = still there) and
        phase.

        Parameters
        ----------
        ends
            Uid → node, time of the deletion, and phase, as last seen.
        """
        import pandas as pd

        split = [name.partition("/") for name in self.names]
        never = "", math.nan, ""
        last = [ends.get(uid, never) for uid in self.uids]
        columns: dict[str, Sequence[object] | NDArray[np.float64]] = {
            "uid": self.uids,
            "namespace": [namespace for namespace, _, _ in split],
            "name": [name for _, _, name in split],
            "node": [node for node, _, _ in last],
        }
        times = self.first()
        columns |= {hop: times[:, index] for index, hop in enumerate(HOPS)}
        columns["deleted"] = np.array([time for _, time, _ in last])
        columns["phase"] = [phase for _, _, phase in last]
        frame = pd.DataFrame(columns)
        return frame[frame["stored"].notna()].reset_index(drop=True)
