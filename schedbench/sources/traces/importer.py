"""What an importer is, and how one runs: files of a trace → a folder of columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from schedbench.errors import InputError, UnknownNameError
from schedbench.sources.traces.ledger import Ledger
from schedbench.sources.traces.writer import TraceWriter

Value = str | int | float | bool | None


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """A choice that the trace leaves open: its default, and what it means.

    A number may be any from `least`; a text one of `choices`, where there are some.
    """

    default: Value
    meaning: str
    least: float = 0
    choices: Sequence[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Import:
    """One import at work.

    Attributes
    ----------
    paths
        The files and folders given.
    settings
        Value of each setting.
    writer
        Takes nodes and pods.
    ledger
        Takes counts and notes.
    """

    paths: Sequence[Path]
    settings: Mapping[str, Any]
    writer: TraceWriter
    ledger: Ledger


@dataclasses.dataclass(frozen=True, slots=True)
class Importer:
    """A trace that can be imported.

    Attributes
    ----------
    title
        The trace, its owner and year.
    licence
        On what terms its data may be used.
    drops
        What is dropped, in a few words.
    units
        What the trace's numbers became.
    settings
        What the trace leaves open.
    read
        Reads it.
    """

    title: str
    licence: str
    drops: str
    units: Mapping[str, str]
    settings: Mapping[str, Setting]
    read: Callable[[Import], None]


def run_importer(
    name: str,
    importer: Importer,
    paths: Sequence[Path],
    out: Path,
    settings: Mapping[str, Any],
    *,
    strict: bool = False,
) -> Ledger:
    """Import a trace into a folder, which appears whole or not at all.

    Raises
    ------
    InputError
        If a file, cell or setting is wrong, or, if strict, a row would be dropped.
    """
    chosen = chosen_settings(importer.settings, settings)
    ledger = Ledger(strict=strict)
    with TraceWriter(out, ledger) as writer:
        writer.about = {
            "source": name,
            "title": importer.title,
            "licence": importer.licence,
            "files": [path.resolve().name for path in paths],
            "settings": chosen,
            "units": dict(importer.units),
        }
        importer.read(Import(paths, chosen, writer, ledger))
        if writer.counts["pods"] == 0:
            raise InputError(
                "no pods" + _reasons(ledger),
                source=", ".join(map(str, paths)),
                fix="check that these are the trace's files",
            )
    return ledger


def chosen_settings(
    known: Mapping[str, Setting], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the value of each setting, given or default.

    Raises
    ------
    InputError
        If there is no such setting, or a value does not fit it.
    """
    chosen: dict[str, Any] = {name: each.default for name, each in known.items()}
    for name, value in given.items():
        if name not in known:
            raise UnknownNameError("setting", name, known, source="--set")
        setting = known[name]
        chosen[name] = _fitting(name, setting, value)
    return chosen


def _fitting(name: str, setting: Setting, value: Any) -> Any:
    default = setting.default
    if setting.choices and value not in setting.choices:
        raise UnknownNameError(name, str(value), setting.choices, source="--set")
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InputError(
                f"{name} is neither true nor false", source="--set", value=value
            )
    elif isinstance(default, int | float):
        numeric = isinstance(value, int if isinstance(default, int) else int | float)
        if not numeric or isinstance(value, bool) or not value >= setting.least:
            kind = "whole number" if isinstance(default, int) else "number"
            raise InputError(
                f"{name} is not a {kind} from {setting.least:g}",
                source="--set",
                value=value,
            )
    return str(value) if isinstance(default, str) else value


def _reasons(ledger: Ledger) -> str:
    lost = [
        f"{reason} ({count.rows:,})"
        for table in ledger.tables.values()
        for reason, count in (*table.dropped.items(), *table.skipped.items())
    ]
    return f": every row was left out: {', '.join(lost)}" if lost else ""
