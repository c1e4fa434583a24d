"""What an API server does with a call once it is served: reads, writes, retries.

A write is made of the object as the watch cache knows it and goes to the store under
the condition that the object has not changed since; if it has, the write is made anew
of what the store has. So no update is lost, and none fails that need not.

Source: `k8s.io/apiserver/pkg/storage/etcd3/store.go` (GuaranteedUpdate) and
`k8s.io/apiserver/pkg/registry/generic/registry/store.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from schedbench.controlplane import rules
from schedbench.controlplane.api import Answer, ApiError
from schedbench.controlplane.authorization import NODES, node_refusal, resource_of
from schedbench.controlplane.eviction import Eviction
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.registry import Registry
from schedbench.controlplane.requests import ASKED, COMPONENT, Request
from schedbench.controlplane.rules import Outcome, RefusedError
from schedbench.controlplane.service_addresses import ServiceAddresses
from schedbench.objects.controllers import Service
from schedbench.objects.kinds import NAMESPACED
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod

if TYPE_CHECKING:
    from schedbench.controlplane.apiserver import ApiServers

Make: TypeAlias = Callable[[ApiObject], Outcome]
Done: TypeAlias = Callable[[ApiObject], None]

NAME_TRIES = 8
"""How often a generated name may be taken (`rest.MaxNameGenerationCreateAttempts`)."""
SYSTEM_NAMESPACES = frozenset(
    {"default", "kube-system", "kube-public", "kube-node-lease"}
)
"""Namespaces that the API server sees to itself."""
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


class Operations:
    """The verbs, once a call has its seat and its service time is over."""

    def __init__(self, servers: ApiServers, registry: Registry, draws: Draws) -> None:
        self._servers = servers
        self._registry = registry
        self._draws = draws
        self._eviction = Eviction(self.write, servers.clock)
        self._addresses = ServiceAddresses()
        self._verbs: dict[str, Callable[[Request], None]] = {
            "create": self._create,
            "get": self._get,
            "list": self._list,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "bind": self._bind,
            "evict": self._evict,
        }

    def serve(self, request: Request) -> None:
        """Do what the call asks for, if it has not failed by now."""
        if request.done:
            return
        try:
            self._verbs[request.verb](request)
        except RefusedError as refused:
            self.fail(request, refused.error)

    def write(
        self,
        request: Request,
        kind: str,
        namespace: str,
        name: str,
        make: Make,
        done: Done,
    ) -> None:
        """Change an object and call `done` with it as it is then, or was last."""
        assert request.replica is not None
        write = _Write(
            self, self._registry, request, (kind, namespace, name), make, done
        )
        write.attempt(
            request.replica.cache.get(kind, namespace, name), is_current=False
        )

    def fail(self, request: Request, error: ApiError) -> None:
        """Answer a call with an error."""
        self._servers.finish(request, Answer(error=error))

    def _succeed(self, request: Request) -> Done:
        return lambda item: self._servers.finish(request, Answer(item))

    def _create(self, request: Request) -> None:
        item, namespace = request.item, request.namespace
        assert item is not None
        assert request.replica is not None
        kind = request.kind
        if not item.metadata.name and not item.metadata.generate_name:
            raise RefusedError(
                "Invalid",
                f'{kind} "" is invalid: metadata.name: Required value: name or '
                "generateName is required",
            )
        if NODES in request.user.groups:
            error = node_refusal(request.user, "create", "", item)
            if error is not None:
                self.fail(request, error)
                return
        if kind not in NAMESPACED or namespace in SYSTEM_NAMESPACES:
            where = request.replica.cache.get("Namespace", "", namespace)
            self._create_in(request, where, 1)
            return
        where = request.replica.cache.get("Namespace", "", namespace)
        if where is not None:
            self._create_in(request, where, 1)
            return

        def found(error: ApiError | None, _ok: bool, now: ApiObject | None) -> None:
            if error is None and now is None:
                error = ApiError("NotFound", f'namespaces "{namespace}" not found')
            if error is not None:
                self.fail(request, error)
            elif not request.done:
                self._create_in(request, now, 1)

        self._registry.read("Namespace", "", namespace, found)

    def _create_in(
        self, request: Request, namespace: ApiObject | None, tries: int
    ) -> None:
        """Admit and store a new object, in a namespace if it has one."""
        item = request.item
        assert item is not None
        assert request.replica is not None
        name, base = item.metadata.name, item.metadata.generate_name
        if not name:
            name = rules.generated_name(base or "", self._draws)
        admission = request.replica.admission
        uid = request.uid or rules.new_uid(self._draws)
        now = self._servers.clock.wall(COMPONENT)
        new = rules.created(item, uid, name, now)
        if type(new) is Service:
            taken = request.replica.cache.of("Service")
            new = self._addresses.addressed(new, taken)
        try:
            if namespace is not None and namespace.metadata.deletion_timestamp:
                where = namespace.metadata.name
                raise RefusedError(
                    "Forbidden",
                    f"{rules.named(request.kind, name)} is forbidden: unable to create "
                    f"new content in namespace {where} because it is being terminated",
                )
            admission.admit(new)
        except RefusedError as refused:
            self.fail(request, refused.error)
            return
        stamp = self._servers.stamp
        if type(new) is Pod and tries == 1:
            stamp(new, "admitted")

        def wrote(error: ApiError | None, ok: bool, now: ApiObject | None) -> None:
            if error is None and ok:
                if type(new) is Pod:
                    stamp(new, "stored")
                self._servers.finish(request, Answer(new))
                return
            admission.withdraw(new)
            if error is not None:
                self.fail(request, error)
            elif not item.metadata.name and tries < NAME_TRIES:
                self._create_in(request, namespace, tries + 1)
            else:
                message = f"{rules.named(request.kind, name)} already exists"
                self.fail(request, ApiError("AlreadyExists", message))

        self._registry.write(None, new, wrote)

    def _get(self, request: Request) -> None:
        def found(error: ApiError | None, _ok: bool, now: ApiObject | None) -> None:
            if error is None and now is None:
                error = ApiError("NotFound", _not_found(request.kind, request.name))
            if error is None and now is not None and NODES in request.user.groups:
                error = node_refusal(request.user, "get", "", now)
            self._servers.finish(
                request, Answer(now) if error is None else Answer(error=error)
            )

        self._registry.read(request.kind, request.namespace, request.name, found)

    def _list(self, request: Request) -> None:
        """Serve a list from the cache, once that is as fresh as the store."""
        assert request.replica is not None
        cache = request.replica.cache
        clock = self._servers.clock

        def fresh() -> None:
            namespace = request.namespace
            items = [
                item
                for item in cache.of(request.kind).values()
                if not namespace or item.metadata.namespace == namespace
            ]
            cost = self._servers.parameters.list_item * len(items)
            clock.after(cost, self._servers.finish, request, Answer(items=items))

        def known(error: ApiError | None, revision: int) -> None:
            if error is not None:
                self.fail(request, error)
            else:
                cache.when(revision, fresh)

        self._registry.revision(known)

    def _update(self, request: Request) -> None:
        given = request.item
        assert given is not None
        _check_subresource(given, request.subresource)

        def make(old: ApiObject) -> Outcome:
            return rules.updated(old, given, request.subresource)

        self._write_named(request, make, self._succeed(request))

    def _patch(self, request: Request) -> None:
        change = request.change
        assert change is not None

        def make(old: ApiObject) -> Outcome:
            new = change(old)
            if new is None:
                return rules.NO_CHANGE
            _check_subresource(new, request.subresource)
            if new.metadata is old.metadata:
                return rules.updated(old, new, request.subresource)
            free = replace(new.metadata, resource_version=None)
            unversioned = replace(new, metadata=free)
            return rules.updated(old, unversioned, request.subresource)

        self._write_named(request, make, self._succeed(request))

    def _delete(self, request: Request) -> None:
        if request.kind == "Namespace" and request.name in IMMORTAL:
            raise RefusedError(
                "Forbidden",
                f'namespaces "{request.name}" is forbidden: this namespace may not be '
                "deleted",
            )
        now = self._servers.clock.wall(COMPONENT)

        def make(old: ApiObject) -> Outcome:
            return rules.deleted(old, request.grace, request.uid, now)

        self._write_named(request, make, self._succeed(request))

    def _bind(self, request: Request) -> None:
        def done(item: ApiObject) -> None:
            assert isinstance(item, Pod)
            self._servers.stamp(item, "bound")
            self._servers.finish(request, Answer(item))

        self._write_named(request, lambda old: rules.bound(old, request.node), done)

    def _evict(self, request: Request) -> None:
        self._eviction.evict(request, self._succeed(request))

    def _write_named(self, request: Request, make: Make, done: Done) -> None:
        self.write(request, request.kind, request.namespace, request.name, make, done)


class _Write:
    """One change of one object, made anew until it fits what the store has."""

    __slots__ = ("done", "key", "make", "new", "operations", "registry", "request")

    def __init__(
        self,
        operations: Operations,
        registry: Registry,
        request: Request,
        key: tuple[str, str, str],
        make: Make,
        done: Done,
    ) -> None:
        self.operations, self.registry, self.request = operations, registry, request
        self.key, self.make, self.done = key, make, done
        self.new: ApiObject | None = None

    def attempt(self, old: ApiObject | None, *, is_current: bool) -> None:
        """Write what is made of the object, if it still is `old`."""
        request = self.request
        if request.done:
            return
        try:
            if old is None:
                raise RefusedError("NotFound", _not_found(self.key[0], self.key[2]))
            if NODES in request.user.groups:
                self._check_node(old)
            new, gone = self.make(old)
        except RefusedError as refused:
            if is_current:
                self.operations.fail(request, refused.error)
            else:
                self.registry.read(*self.key, self._reread)
            return
        if new is not None:
            self.new = new
            self.registry.write(old, None if gone else new, self._wrote)
        elif is_current:
            self.done(old)
        else:
            self.registry.read(*self.key, self._reread)

    def _check_node(self, old: ApiObject) -> None:
        request = self.request
        verb, subresource = ASKED.get(request.verb, (request.verb, request.subresource))
        error = node_refusal(request.user, verb, subresource, old)
        if error is not None:
            raise RefusedError(error.reason, error.message)

    def _reread(
        self, error: ApiError | None, _found: bool, now: ApiObject | None
    ) -> None:
        if error is not None:
            self.operations.fail(self.request, error)
        else:
            self.attempt(now, is_current=True)

    def _wrote(
        self, error: ApiError | None, written: bool, now: ApiObject | None
    ) -> None:
        if error is not None:
            self.operations.fail(self.request, error)
        elif written:
            assert self.new is not None
            self.done(self.new)
        else:
            self.attempt(now, is_current=True)


def _not_found(kind: str, name: str) -> str:
    return f"{rules.named(kind, name)} not found"


def _check_subresource(item: Any, subresource: str) -> None:
    if subresource and not hasattr(item, subresource):
        raise RefusedError(
            "NotFound",
            f"the server could not find the requested resource "
            f"({resource_of(type(item).__name__)}/{subresource})",
        )
