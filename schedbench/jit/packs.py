"""Named tuples of arrays that kernels hand on as one pointer.

Numba passes a named tuple by value, each array in it as seven arguments: a kernel of
the event loop took a thousand, and most of the time of a cold compile went into
taking them apart and putting them together. The entry from Python lays a marked tuple
out in its own frame once; kernels get its address and load what they read.

How a type is added: numba's documentation, *Low-level extension API*. The loads are
marked `invariant.load` (LLVM Language Reference): nothing changes a header while a
kernel runs, so that they move out of loops.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel.models import PrimitiveModel
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    register_model,
    typeof_impl,
    unbox,
)

Marked = TypeVar("Marked", bound=type)


class Pack(types.Type):  # type: ignore[misc]
    """The type of a marked named tuple: its class and the types of its fields."""

    def __init__(self, marked: type, fields: Sequence[Any]) -> None:
        self.marked = marked
        self.fields = tuple(fields)
        told = ", ".join(str(field) for field in self.fields)
        super().__init__(f"{marked.__module__}.{marked.__name__}({told})")

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two of these types one, as numba asks for it."""
        return self.marked, self.fields

    def place_of(self, name: str) -> int:
        """Return which field has a name, or -1."""
        names: tuple[str, ...] = self.marked._fields  # type: ignore[attr-defined]
        return names.index(name) if name in names else -1


def by_reference(marked: Marked) -> Marked:
    """Mark a named tuple that kernels hand on as one pointer.

    One that a kernel makes itself is still handed on by value.
    """

    @typeof_impl.register(marked)
    def _typeof(value: Any, context: Any) -> Pack | None:
        fields = [typeof_impl(field, context) for field in value]
        return None if None in fields else Pack(marked, fields)

    return marked


@register_model(Pack)
class _PackModel(PrimitiveModel):  # type: ignore[misc]
    laid_out: ir.LiteralStructType

    def __init__(self, manager: Any, pack: Pack) -> None:
        models = [manager[field] for field in pack.fields]
        self.laid_out = ir.LiteralStructType(
            [
                model.laid_out
                if isinstance(model, _PackModel)
                else model.get_value_type()
                for model in models
            ]
        )
        super().__init__(manager, pack, self.laid_out.as_pointer())


@infer_getattr
class _PackFields(AttributeTemplate):  # type: ignore[misc]
    key = Pack

    def generic_resolve(self, pack: Pack, name: str) -> Any:
        place = pack.place_of(name)
        return None if place < 0 else pack.fields[place]


@lower_getattr_generic(Pack)
def _field(context: Any, builder: Any, pack: Pack, address: Any, name: str) -> Any:
    place = pack.place_of(name)
    found = cgutils.gep_inbounds(builder, address, 0, place)
    kind = pack.fields[place]
    if isinstance(kind, Pack):
        return found
    return impl_ret_borrowed(context, builder, kind, _load(builder, found))


def _load(builder: Any, address: Any) -> Any:
    """Load a value one scalar after the other: LLVM forgets what it knows of others."""
    kind = address.type.pointee
    if not isinstance(kind, ir.Aggregate):
        scalar = builder.load(address)
        scalar.set_metadata("invariant.load", builder.module.add_metadata([]))
        return scalar
    value = ir.Constant(kind, ir.Undefined)
    for at in range(len(kind)):
        part = _load(builder, cgutils.gep_inbounds(builder, address, 0, at))
        value = builder.insert_value(value, part, at)
    return value


@unbox(Pack)
def _lay_out(pack: Pack, value: Any, c: Any) -> NativeValue:
    model = c.context.data_model_manager[pack]
    address = cgutils.alloca_once(c.builder, model.laid_out)
    return _fill(pack, value, address, c)


def _fill(pack: Pack, value: Any, address: Any, c: Any) -> NativeValue:
    failed = cgutils.alloca_once_value(c.builder, cgutils.false_bit)
    cleanups = []
    for at, kind in enumerate(pack.fields):
        item = c.pyapi.tuple_getitem(value, at)
        place = cgutils.gep_inbounds(c.builder, address, 0, at)
        if isinstance(kind, Pack):
            native = _fill(kind, item, place, c)
        else:
            native = c.unbox(kind, item)
            c.builder.store(native.value, place)
            cleanups.append(functools.partial(_let_go, kind, native.value, c))
        with c.builder.if_then(native.is_error, likely=False):
            c.builder.store(cgutils.true_bit, failed)
        if native.cleanup is not None:
            cleanups.append(native.cleanup)

    def clean_up() -> None:
        for cleanup in reversed(cleanups):
            cleanup()

    return NativeValue(address, is_error=c.builder.load(failed), cleanup=clean_up)


def _let_go(kind: Any, value: Any, c: Any) -> None:
    """Give up the reference to a field; numba does so for whole arguments only."""
    if c.context.enable_nrt:
        c.context.nrt.decref(c.builder, kind, value)
