"""What a kubelet reports of its node: images, pressure, a shutdown under way.

Source: pkg/kubelet/nodestatus/setters.go. Changes wait for the next turn of
`nodeStatusUpdateFrequency`; a node in which nothing changes reports nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api
from schedbench.node.images import NodeImages
from schedbench.node.status import timestamp
from schedbench.objects.meta import ApiObject
from schedbench.objects.node import Node, NodeCondition

_PRESSURE = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "KubeletHasInsufficientMemory"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "KubeletHasDiskPressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "KubeletHasInsufficientPID"),
}


def next_tick(now: float, period: float, phase: float) -> float:
    """Return the next turn of a period; a node's turns are shifted by its phase."""
    if period <= 0:
        return now
    offset = phase * period
    return max(now, math.ceil((now - offset) / period) * period + offset)


class NodeReport:
    """Writes the node's status.

    Attributes
    ----------
    up
        Whether the kubelet is.
    shutting
        Whether the node shuts down.
    """

    __slots__ = (
        "_api",
        "_clock",
        "_images",
        "_name",
        "_pressure",
        "_set",
        "_when",
        "shutting",
        "up",
    )

    def __init__(
        self, clock: Clock, api: Api, name: str, when: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._api = api
        self._name = name
        self._when = when
        self._images: NodeImages | None = None
        self._pressure: Mapping[str, float] = {}
        self._set = self.up = self.shutting = False

    def watch(self, images: NodeImages, pressure: Mapping[str, float]) -> None:
        """Tell what is to be reported."""
        self._images = images
        self._pressure = pressure

    def changed(self) -> None:
        """Report at the next turn."""
        if not self._set:
            self._set = True
            self._clock.at(self._when(), self._report)

    def _report(self) -> None:
        self._set = False
        if self.up:
            self._api.patch(
                "Node", "", self._name, self._now, self._told, subresource="status"
            )

    def _told(self, answer: Answer) -> None:
        if answer.error is not None and answer.error.reason != "NotFound":
            self.changed()

    def _now(self, node: ApiObject) -> ApiObject:
        assert isinstance(node, Node)
        assert self._images is not None
        found = {condition.type: condition for condition in node.status.conditions}
        for name, reasons in _PRESSURE.items():
            holds = name in self._pressure
            if holds or name in found:
                self._put(found, name, reasons[holds], holds=holds)
        if self.shutting:
            self._put(found, "Ready", "KubeletNotReady", "node is shutting down")
        status = msgspec.structs.replace(
            node.status,
            images=self._images.reported(),
            conditions=list(found.values()),
        )
        return msgspec.structs.replace(node, status=status)

    def _put(
        self,
        found: dict[str, NodeCondition],
        name: str,
        reason: str,
        message: str | None = None,
        *,
        holds: bool = False,
    ) -> None:
        status = "True" if holds else "False"
        if name not in found or found[name].status != status:
            found[name] = NodeCondition(
                type=name,
                status=status,
                reason=reason,
                message=message,
                last_transition_time=timestamp(self._clock.now),
            )
