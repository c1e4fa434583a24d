"""What every API object has: `metadata`, the scalar types, and its plain form."""

from __future__ import annotations

import functools
from typing import Annotated, Any, TypeAlias

import msgspec

Quantity: TypeAlias = str | int | float
"""A quantity as it was written; `schedbench.units` gives its value."""

Int32: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Count32: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Int64: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Port: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class ApiStruct(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A piece of an API object: fields named as in the API, unknown ones ignored.

    Absent scalars are None, absent lists and maps are empty, unless said otherwise.
    The structs form trees, so the garbage collector need not follow them.
    """


class OwnerReference(ApiStruct):
    """The object that made this one."""

    api_version: str | None = None
    kind: str = ""
    name: str = ""
    uid: str | None = None
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(ApiStruct):
    """Name, place and labels of an object; times are RFC 3339 texts."""

    name: str = ""
    generate_name: str | None = None
    namespace: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    owner_references: list[OwnerReference] = msgspec.field(default_factory=list)
    finalizers: list[str] = msgspec.field(default_factory=list)
    uid: str | None = None
    resource_version: str | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None


class ApiObject(ApiStruct):
    """A whole API object; its class is its kind."""

    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)

    @property
    def key(self) -> str:
        """`namespace/name`, or the name alone where there is no namespace."""
        meta = self.metadata
        name = meta.name or meta.generate_name or ""
        return f"{meta.namespace}/{name}" if meta.namespace else name


class ObjectReference(ApiStruct):
    """A reference to another object."""

    kind: str | None = None
    namespace: str = ""
    name: str = ""
    uid: str | None = None


def plain(value: Any) -> Any:
    """Return an object as the API writes it, without what an absent field means.

    Structs become dicts, of those fields alone that are not at their defaults.
    """
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: plain(mine)
            for field in _fields(type(value))
            if (mine := getattr(value, field.name)) != _default(field)
        }
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


@functools.cache
def _fields(struct: type[msgspec.Struct]) -> tuple[Any, ...]:
    return msgspec.structs.fields(struct)


def _default(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
