"""What a command prints: results on stdout, notes on stderr, tables in four forms."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any, TypeVar

import click

SCHEMA_VERSION = 1

Command = TypeVar("Command", bound=Callable[..., Any])


class _Level:
    """How much is told: -1 after `-q`, 0, 1 after `-v`, 2 after `-v -v`."""

    value = 0


def reset_verbosity() -> None:
    """Tell as much as without `-q` and `-v`."""
    _Level.value = 0


def verbosity() -> int:
    """Return -1 after `-q`, else how often `-v` was given."""
    return _Level.value


def result(text: str) -> None:
    """Print a line or a block to stdout."""
    click.echo(text, color=uses_color(sys.stdout))


def note(text: str, level: int = 0) -> None:
    """Print a line to stderr, from a level of verbosity on."""
    if _Level.value >= level:
        click.echo(text, err=True, color=uses_color(sys.stderr))


def error(text: str) -> None:
    """Print `error: …` to stderr, however quiet."""
    word = click.style("error:", fg="red", bold=True)
    click.echo(f"{word} {text}", err=True, color=uses_color(sys.stderr))


def uses_color(stream: IO[Any]) -> bool:
    """Tell whether to colour: `NO_COLOR`, then `FORCE_COLOR`, then only a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0":
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def json_document(document: dict[str, Any]) -> None:
    """Print one JSON document, with the version of its schema; NaN becomes null."""
    import msgspec

    text = msgspec.json.encode({"schema_version": SCHEMA_VERSION, **document})
    result(msgspec.json.format(text, indent=2).decode())


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header.

    Attributes
    ----------
    numeric
        Columns that are aligned to the right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()

    def text(self) -> str:
        """Return aligned columns, as wide as they need be."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        shown = ["  ".join(self._padded(line, widths)).rstrip() for line in lines]
        return "\n".join([click.style(shown[0], bold=True), *shown[1:]])

    def markdown(self) -> str:
        """Return a Markdown table."""
        rule = ["---:" if i in self.numeric else "---" for i in range(len(self.header))]
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self.rows]
        lines = [self.header, rule, *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def csv(self) -> str:
        """Return comma-separated values."""
        sink = io.StringIO()
        csv.writer(sink, lineterminator="\n").writerows([self.header, *self.rows])
        return sink.getvalue().rstrip("\n")

    def _padded(self, line: Sequence[str], widths: Sequence[int]) -> list[str]:
        return [
            cell.rjust(width) if i in self.numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]


def show_table(table: Table, form: str | None, document: dict[str, Any]) -> None:
    """Print a table as text, CSV or Markdown, or the document that says the same."""
    if form == "json":
        json_document(document)
    elif form == "csv":
        result(table.csv())
    elif form == "markdown":
        result(table.markdown())
    else:
        result(table.text())


def quiet_and_verbose(command: Command) -> Command:
    """Add `-q` and `-v` to a command."""

    def quieter(_context: click.Context, _parameter: click.Parameter, on: bool) -> None:
        if on:
            _Level.value = -1

    def louder(_context: click.Context, _parameter: click.Parameter, by: int) -> None:
        if by:
            _Level.value = by

    quiet = click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=quieter,
        help="Say nothing but results and errors.",
    )  # fmt: skip
    verbose = click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=louder,
        help="Say more; twice for tracebacks too.",
    )  # fmt: skip
    return quiet(verbose(command))


def json_option(command: Command) -> Command:
    """Add `--json` to a command, as the argument `form`."""
    return click.option(
        "--json", "form", flag_value="json", default=None,
        help="Print one JSON document.",
    )(command)  # fmt: skip


def table_options(command: Command) -> Command:
    """Add `--json`, `--csv` and `--markdown` to a command, as the argument `form`."""
    for name, what in (("markdown", "a Markdown table"), ("csv", "CSV")):
        command = click.option(
            f"--{name}", "form", flag_value=name, default=None, help=f"Print {what}."
        )(command)
    return json_option(command)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as people read it: 12,345 or 0.1234; – for none."""
    if value is None or value != value:  # noqa: PLR0124 (NaN)
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return `1 cell`, `2 cells`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ranged(numbers: Sequence[int]) -> str:
    """Return `1, 2` or, of many in a row, `1 to 200`."""
    first = numbers[0] if numbers else 0
    if len(numbers) > 5 and list(numbers) == list(range(first, first + len(numbers))):
        return f"{first} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def duration(seconds: float) -> str:
    """Return a time span as people read it: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
