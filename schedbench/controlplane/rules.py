"""What a call makes of an object: identity, versions, deletion, binding, eviction.

Every function returns a new object and leaves the given ones as they are.

Source: `k8s.io/apiserver/pkg/registry/rest/{create,update,delete}.go` and
`kubernetes/pkg/registry/core/pod/{strategy.go,storage/storage.go}`.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
from typing import Any, TypeAlias

from msgspec.structs import replace

from schedbench.controlplane.api import ApiError, Reason
from schedbench.controlplane.authorization import resource_of
from schedbench.controlplane.latency import Draws
from schedbench.controlplane.service_addresses import with_address_of
from schedbench.objects.controllers import Service
from schedbench.objects.meta import ApiObject
from schedbench.objects.pod import Pod, PodCondition

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names (`k8s.io/apimachinery/pkg/util/rand`)."""
MAX_GENERATED = 58
"""Longest part of `generateName` that is kept: 63 less the suffix."""
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

Outcome: TypeAlias = tuple[ApiObject | None, bool]
"""The new object, or None if nothing changes; and whether it is to be removed."""
NO_CHANGE: Outcome = (None, False)


class RefusedError(Exception):
    """A call that the API refuses; it does not leave the API server."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.error = ApiError(reason, message)


@functools.lru_cache(maxsize=4096)
def _rfc3339(second: int) -> str:
    moment = EPOCH + dt.timedelta(seconds=second)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339(seconds: float) -> str:
    """Return a simulated time as the API writes it, to the second."""
    return _rfc3339(math.floor(seconds))


def seconds_of(text: str) -> float:
    """Return the simulated seconds of an RFC 3339 text."""
    moment = dt.datetime.fromisoformat(text)
    return (moment - EPOCH).total_seconds()


def new_uid(draws: Draws) -> str:
    """Draw a uid of the form of a random UUID."""
    head, middle, tail = (draws.choice(1 << 48) for _ in range(3))
    a, b = f"{head:012x}", f"{middle:012x}"
    return f"{a[:8]}-{a[8:]}-4{b[:3]}-a{b[3:6]}-{tail:012x}"


def generated_name(prefix: str, draws: Draws) -> str:
    """Return a name for `generateName`: the prefix and five letters."""
    letters = [ALPHABET[draws.choice(len(ALPHABET))] for _ in range(5)]
    return prefix[:MAX_GENERATED] + "".join(letters)


def created(item: ApiObject, uid: str, name: str, now: float) -> ApiObject:
    """Return the object as it is first stored."""
    meta = replace(
        item.metadata,
        name=name,
        uid=uid,
        generation=1,
        creation_timestamp=rfc3339(now),
        deletion_timestamp=None,
        deletion_grace_period_seconds=None,
        resource_version=None,
    )
    return replace(item, metadata=meta)


def named(item_kind: str, name: str) -> str:
    """Return how messages name an object: `pods "web-1"`."""
    return f'{resource_of(item_kind)} "{name}"'


def conflict(kind: str, name: str, why: str, subresource: str = "") -> RefusedError:
    """Make the error of a write that another one has forestalled."""
    resource = resource_of(kind) + (f"/{subresource}" if subresource else "")
    return RefusedError(
        "Conflict", f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    )


OLD_VERSION = (
    "the object has been modified; please apply your changes to the latest version "
    "and try again"
)


def updated(old: ApiObject, given: ApiObject, subresource: str) -> Outcome:
    """Merge an update into the object.

    Raises
    ------
    RefusedError
        If the resource version is old, the uid another, or a pod's node changes.
    """
    kind, meta, was = type(old).__name__, given.metadata, old.metadata
    if meta.uid and meta.uid != was.uid:
        raise conflict(kind, was.name, _other_uid(meta.uid, was.uid))
    if meta.resource_version and meta.resource_version != was.resource_version:
        raise conflict(kind, was.name, OLD_VERSION)
    changes: dict[str, Any] = {}
    if subresource == "status":
        new = replace(old, status=given.status)  # type: ignore[attr-defined]
        meta = was
    else:
        generation = was.generation
        if hasattr(old, "status"):
            changes["status"] = old.status
        if getattr(old, "spec", None) != getattr(given, "spec", None):
            generation = (generation or 0) + 1
        if type(old) is Pod and old.spec.node_name != given.spec.node_name:  # type: ignore[attr-defined]
            raise RefusedError(
                "Invalid",
                f'Pod "{was.name}" is invalid: spec: Forbidden: pod updates may not '
                "change fields other than `spec.containers[*].image`,"
                "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                "`spec.tolerations` (only additions to existing tolerations),"
                "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it "
                "was previously negative)",
            )
        new = replace(given, **changes)
        if isinstance(new, Service):
            assert isinstance(old, Service)
            new = with_address_of(old, new)
        meta = replace(
            meta,
            name=was.name,
            namespace=was.namespace,
            uid=was.uid,
            generate_name=was.generate_name,
            generation=generation,
            resource_version=was.resource_version,
            creation_timestamp=was.creation_timestamp,
            deletion_timestamp=was.deletion_timestamp,
            deletion_grace_period_seconds=was.deletion_grace_period_seconds,
        )
        new.metadata = meta
    if new == old:
        return NO_CHANGE
    gone = (
        meta.deletion_timestamp is not None
        and not meta.finalizers
        and not meta.deletion_grace_period_seconds
    )
    return _unversioned(new), gone


def deleted(
    old: ApiObject, grace: float | None, uid: str | None, now: float
) -> Outcome:
    """Mark an object as going, or remove it.

    Pods that run have their grace period (that of the call, else of the pod, else
    30 s); a second call can only shorten it. Finalizers hold an object.

    Raises
    ------
    RefusedError
        If the uid is another's.
    """
    meta = old.metadata
    if uid is not None and meta.uid != uid:
        raise conflict(type(old).__name__, meta.name, _other_uid(uid, meta.uid))
    if meta.deletion_timestamp is None:
        period = _grace_period(old, grace)
        if period == 0 and not meta.finalizers:
            return old, True
        until = rfc3339(now + period)
        generation = None if meta.generation is None else meta.generation + 1
    else:
        left = meta.deletion_grace_period_seconds or 0
        if grace is None or grace >= left:
            return NO_CHANGE
        period = int(grace)
        if period == 0 and not meta.finalizers:
            return old, True
        until = rfc3339(seconds_of(meta.deletion_timestamp) - left + period)
        generation = meta.generation
    changed = replace(
        meta,
        deletion_timestamp=until,
        deletion_grace_period_seconds=period,
        generation=generation,
        resource_version=None,
    )
    return replace(old, metadata=changed), False


def _grace_period(old: ApiObject, grace: float | None) -> int:
    if not isinstance(old, Pod):
        return 0
    if not old.spec.node_name or old.status.phase in {"Succeeded", "Failed"}:
        return 0
    if grace is not None:
        return int(grace)
    own = old.spec.termination_grace_period_seconds
    return 30 if own is None else own


def bound(old: ApiObject, node: str) -> Outcome:
    """Give a pod its node.

    Raises
    ------
    RefusedError
        If it is going, has a node, or is gated.
    """
    assert isinstance(old, Pod)
    name = old.metadata.name
    why = None
    if old.metadata.deletion_timestamp is not None:
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif old.spec.node_name:
        why = f'pod {name} is already assigned to node "{old.spec.node_name}"'
    elif old.spec.scheduling_gates:
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why is not None:
        raise conflict("Pod", name, why, "binding")
    conditions = [c for c in old.status.conditions if c.type != "PodScheduled"]
    conditions.append(PodCondition(type="PodScheduled", status="True"))
    new = replace(
        old,
        spec=replace(old.spec, node_name=node),
        status=replace(old.status, conditions=conditions),
    )
    return _unversioned(new), False


def _unversioned(new: ApiObject) -> ApiObject:
    new.metadata = replace(new.metadata, resource_version=None)
    return new


def _other_uid(given: str | None, has: str | None) -> str:
    return (
        f"Precondition failed: UID in precondition: {given}, UID in object meta: {has}"
    )
