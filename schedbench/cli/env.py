"""`schedbench env`: where a run would take place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from schedbench.cli import output
from schedbench.cli.output import Table


@click.command(
    name="env",
    epilog="""\b
Example:
  schedbench env --json > machine.json
""",
)
@output.table_options
@output.quiet_and_verbose
def command(form: str | None) -> int:
    """Show versions, machine and thread settings; neither host nor user name.

    The same is stored with every run.
    """
    from schedbench.experiment.environment import environment

    found = environment()
    rows = [[name, value] for name, value in _flat(found)]
    output.show_table(Table(["name", "value"], rows), form, found)
    return 0


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        elif isinstance(inner, list):
            yield f"{prefix}{name}", " ".join(map(str, inner)) or "–"
        else:
            yield f"{prefix}{name}", "–" if inner is None else str(inner)
