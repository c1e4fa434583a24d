"""What a kubelet asks of the API about its pods, until it has an answer."""

from __future__ import annotations

from collections.abc import Callable

from schedbench.clock import Clock
from schedbench.controlplane.api import Answer, Api
from schedbench.objects.pod import Pod


class PodCalls:
    """Calls that are made again while the kubelet is up.

    Parameters
    ----------
    period
        Seconds after which a call that failed is made again.
    is_up
        Whether the kubelet is.
    """

    __slots__ = ("_api", "_clock", "_is_up", "_period")

    def __init__(
        self, clock: Clock, api: Api, period: float, is_up: Callable[[], bool]
    ) -> None:
        self._clock, self._api = clock, api
        self._period, self._is_up = period, is_up

    def remove(self, pod: Pod) -> None:
        """Delete a pod whose end is reported."""
        meta = pod.metadata

        def answered(answer: Answer) -> None:
            error = answer.error
            if error is not None and error.reason != "NotFound":
                self._clock.after(self._period, self.remove, pod)

        if self._is_up():
            self._api.delete(
                "Pod", meta.namespace, meta.name, answered, grace=0, uid=meta.uid
            )

    def ask(self, pod: Pod, gone: Callable[[], None]) -> None:
        """Call a function if the API knows the pod no more."""
        meta = pod.metadata

        def answered(answer: Answer) -> None:
            error, found = answer.error, answer.object
            if error is not None and error.reason != "NotFound":
                self._clock.after(self._period, self.ask, pod, gone)
            elif found is None or found.metadata.uid != meta.uid:
                gone()

        if self._is_up():
            self._api.get("Pod", meta.namespace, meta.name, answered)
