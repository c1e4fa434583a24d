"""Leases: who leads, who lives."""

from __future__ import annotations

import msgspec

from schedbench.objects.meta import ApiObject, ApiStruct, Count32


class LeaseSpec(ApiStruct):
    """Who holds a lease and since when; times are RFC 3339 texts or seconds."""

    holder_identity: str | None = None
    lease_duration_seconds: Count32 | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: Count32 = 0


class Lease(ApiObject):
    """A claim to something that only one can hold."""

    spec: LeaseSpec = msgspec.field(default_factory=LeaseSpec)
