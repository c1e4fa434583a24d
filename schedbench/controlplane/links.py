"""The ways between clients and API servers, and those that are cut.

What is sent on a cut way is held, as TCP sends it again, until the way is whole or the
client gives its connection up. A watch of a cut client is served no more; it comes
again when the way is whole, from the revision that it had reached.

Source: `k8s.io/apimachinery/pkg/util/net/http.go` (health check of connections) and
docs.kubernetes.io "Kubernetes API Concepts", efficient detection of changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from schedbench.clock import Clock, Timer
from schedbench.controlplane.api import Answer, ApiError, Then
from schedbench.controlplane.requests import Request
from schedbench.controlplane.watch_cache import Stream

LOST = Answer(error=ApiError("Timeout", "http2: client connection lost"))


class Links:
    """Which clients are cut off, and what waits for them.

    Attributes
    ----------
    cut
        Names of the users that are cut off, and what is held for each.
    """

    def __init__(self, clock: Clock, unanswered: float) -> None:
        self.cut: dict[str, list[tuple[Timer, Callable[[], None]]]] = {}
        self._clock = clock
        self._unanswered = unanswered
        self._streams: dict[str, list[Stream]] = {}

    def sever(self, users: Collection[str], streams: Sequence[Stream]) -> None:
        """Cut users off, who had these watches."""
        for user in users:
            self.cut.setdefault(user, [])
        for stream in streams:
            self.keep(stream)

    def mend(self, users: Collection[str]) -> list[Stream]:
        """Let users through again: what is held is sent; return their watches."""
        streams = []
        for user in users:
            for timer, resend in self.cut.pop(user, ()):
                if timer.action is not None:
                    timer.cancel()
                    resend()
            streams += self._streams.pop(user, [])
        return streams

    def hold_call(self, request: Request, send: Callable[[Request], None]) -> None:
        """Send a call when the way is whole, or let it fail."""

        def fail() -> None:
            request.done = True
            if request.then is not None:
                request.then(LOST)

        self._hold(request.user.name, lambda: send(request), fail)

    def hold_answer(self, user: str, then: Then, answer: Answer) -> None:
        """Hand an answer over when the way is whole, or none at all."""
        self._hold(user, lambda: then(answer), lambda: then(LOST))

    def keep(self, stream: Stream) -> None:
        """Let a watch wait until the way is whole."""
        self._streams.setdefault(stream.user.name, []).append(stream)

    def _hold(
        self, user: str, resend: Callable[[], None], fail: Callable[[], None]
    ) -> None:
        timer = self._clock.after(self._unanswered, fail)
        self.cut[user].append((timer, resend))
