"""`schedbench warmup`: compile now, so that runs need not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from schedbench.cli import output

if TYPE_CHECKING:
    from schedbench.experiment.warmup import Warmed


@click.command(
    name="warmup",
    epilog="""\b
Examples:
  schedbench warmup
  schedbench warmup -q && schedbench run web-services
""",
)
@output.json_option
@output.quiet_and_verbose
def command(form: str | None) -> int:
    """Compile every kernel, or load it from the cache, and say what takes how long.

    About half a minute the first time and after an update, a second otherwise. Compiled
    code lies in ~/.cache/schedbench, or where XDG_CACHE_HOME or NUMBA_CACHE_DIR say;
    SCHEDBENCH_NO_CACHE=1 turns the cache off.
    """
    from schedbench.experiment.warmup import warm_up

    def tell(step: Warmed) -> None:
        if form is None and output.verbosity() >= 0:
            output.result(f"{output.duration(step.seconds):>10}  {step.step}")

    steps = warm_up(tell=tell)
    from schedbench.jit import cache_folder

    folder = cache_folder()
    total = sum(step.seconds for step in steps)
    if form == "json":
        output.json_document(
            {
                "steps": [
                    {"step": step.step, "seconds": step.seconds} for step in steps
                ],
                "seconds": total,
                "cache": None if folder is None else str(folder),
            }
        )
    elif output.verbosity() >= 0:
        output.result(f"{output.duration(total):>10}  in all")
    output.note(f"compiled code: {folder or 'not cached'}")
    return 0
