"""How kernels that only kernels call are compiled: lowered once, optimized once.

Numba optimizes a function with all that it calls, makes machine code of it, and does
the same again for its caller: what lies five calls deep is optimized and translated
six times. Here such a kernel stays as it was lowered, and is linked, optimized and
translated with the one kernel that Python calls.
"""

from __future__ import annotations

from typing import Any

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering

NO_ADDRESS = 0


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """Code that is made ready by the library that it is linked into."""

    def finalize(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def with_what_it_calls(self) -> list[JITCodeLibrary]:
        return [self, *dict.fromkeys(self._linking_libraries)]


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):  # type: ignore[misc]
    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _Part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        changed: bool = super().run_pass(state)
        state.flags.no_compile = False
        lowered = state["cr"]
        state.library.finalize()
        entry = _dynfunc.make_function(
            lowered.fndesc.lookup_module(),
            lowered.fndesc.qualname,
            "",
            NO_ADDRESS,
            lowered.env,
            (state.library,),
        )
        state["cr"] = lowered._replace(cfunc=entry)
        state.targetctx.insert_user_function(
            entry, lowered.fndesc, state.library.with_what_it_calls()
        )
        return changed


class PartCompiler(CompilerBase):  # type: ignore[misc]
    """Numba's steps for a compiled function, up to its lowering."""

    def define_pipelines(self) -> list[PassManager]:
        """Return the one pipeline, as numba asks for it."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes[:] = [
            (_PartLowering, told) if step is NativeLowering else (step, told)
            for step, told in pipeline.passes
        ]
        pipeline.finalize()
        return [pipeline]
