"""`schedbench schema`: what a scenario file may say."""

from __future__ import annotations

import click

from schedbench.cli import output


@click.command(
    name="schema",
    epilog="""\b
Example:
  schedbench schema > scenario.schema.json
""",
)
@output.quiet_and_verbose
def command() -> int:
    """Print the JSON Schema of scenario and grid files, for editors."""
    import msgspec

    from schedbench.experiment.grid_file import schema

    text = msgspec.json.encode(schema(), order="deterministic")
    output.result(msgspec.json.format(text, indent=2).decode())
    return 0
