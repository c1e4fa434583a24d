"""A component's client: its identity, its rate limit, its calls and watches.

Source: `k8s.io/client-go/util/flowcontrol` (token bucket) and docs.kubernetes.io
"kube-scheduler" and others, flags `--kube-api-qps` and `--kube-api-burst`.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from schedbench.controlplane import rules
from schedbench.controlplane.api import Change, Then, WatchEvent
from schedbench.controlplane.apiserver import ApiServers
from schedbench.controlplane.authorization import User
from schedbench.controlplane.requests import Request
from schedbench.controlplane.watch_cache import Stream
from schedbench.errors import InputError
from schedbench.objects.kinds import NAMESPACED
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod


class ClientWatch:
    """A watch that finds another API server when its own one is gone.

    Attributes
    ----------
    stream
        As both ends see it.
    """

    def __init__(self, servers: ApiServers, stream: Stream) -> None:
        self._servers = servers
        self.stream = stream

    @property
    def synced(self) -> bool:
        """Whether everything has come that was there when it began."""
        return self.stream.revision > 0

    def stop(self) -> None:
        """End it; no event comes after."""
        self._servers.unwatch(self.stream)


class Client:
    """The API as one user sees it; retries are the caller's.

    Parameters
    ----------
    servers
        The API servers, behind their balancer.
    user
        Who calls.
    qps, burst
        Calls a second, and how many at once after a rest; None = no limit.
    """

    def __init__(
        self,
        servers: ApiServers,
        user: User,
        *,
        qps: float | None = None,
        burst: int | None = None,
    ) -> None:
        if qps is not None and qps <= 0:
            raise InputError("qps is not above 0", value=qps, fix="give None or more")
        self.user = user
        self._servers = servers
        self._qps = qps
        self._burst = float(burst if burst is not None else max(qps or 1, 1))
        self._tokens = self._burst
        self._filled = servers.clock.now

    def create(self, item: ApiObject, then: Then | None = None) -> None:
        """Create an object; `metadata.generate_name` gets a suffix."""
        servers = self._servers
        kind, meta = type(item).__name__, item.metadata
        namespace = meta.namespace
        uid = rules.new_uid(servers.identities)
        if type(item) is Pod:
            item = replace(item, metadata=replace(meta, uid=uid))
            servers.stamp(item, "applied")
        if kind in NAMESPACED and not namespace:
            namespace = "default"
            item = replace(item, metadata=replace(item.metadata, namespace=namespace))
        self._call(
            Request(
                self.user,
                "create",
                kind,
                namespace,
                meta.name,
                then,
                item=item,
                uid=uid,
            )
        )

    def get(self, kind: str, namespace: str, name: str, then: Then) -> None:
        """Read an object from the store."""
        self._call(Request(self.user, "get", kind, namespace, name, then))

    def list(self, kind: str, then: Then, *, namespace: str | None = None) -> None:
        """Read all objects of a kind."""
        self._call(Request(self.user, "list", kind, namespace or "", "", then))

    def update(
        self, item: ApiObject, then: Then | None = None, *, subresource: str = ""
    ) -> None:
        """Replace an object; a Conflict if `metadata.resource_version` is old."""
        kind, meta = type(item).__name__, item.metadata
        self._call(
            Request(
                self.user,
                "update",
                kind,
                meta.namespace,
                meta.name,
                then,
                subresource,
                item=item,
            )
        )

    def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: Change,
        then: Then | None = None,
        *,
        subresource: str = "",
    ) -> None:
        """Change an object as it is when the call is served; None changes nothing."""
        self._call(
            Request(
                self.user,
                "patch",
                kind,
                namespace,
                name,
                then,
                subresource,
                change=change,
            )
        )

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        then: Then | None = None,
        *,
        grace: float | None = None,
        uid: str | None = None,
    ) -> None:
        """Delete an object: at once, or when its grace and finalizers are over."""
        self._call(
            Request(
                self.user, "delete", kind, namespace, name, then, grace=grace, uid=uid
            )
        )

    def bind(
        self, namespace: str, name: str, node: str, then: Then | None = None
    ) -> None:
        """Give a pod its node; a Conflict if it has one."""
        self._call(Request(self.user, "bind", "Pod", namespace, name, then, node=node))

    def evict(self, namespace: str, name: str, then: Then | None = None) -> None:
        """Delete a pod unless that breaks a disruption budget: TooManyRequests then."""
        self._call(Request(self.user, "evict", "Pod", namespace, name, then))

    def watch(
        self,
        kind: str,
        handler: Callable[[WatchEvent], None],
        *,
        field: tuple[str, str] | None = None,
    ) -> ClientWatch:
        """Watch a kind: first every object as ADDED, then every change."""
        stream = Stream(self.user, kind, handler, field)
        self._servers.watch(stream, self._wait())
        return ClientWatch(self._servers, stream)

    def _call(self, request: Request) -> None:
        self._servers.call(request, self._wait())

    def _wait(self) -> float:
        """Take a token and return how long it takes until it is there."""
        if self._qps is None:
            return 0.0
        now = self._servers.clock.now
        gained = (now - self._filled) * self._qps
        self._tokens = min(self._burst, self._tokens + gained) - 1.0
        self._filled = now
        return max(0.0, -self._tokens / self._qps)
