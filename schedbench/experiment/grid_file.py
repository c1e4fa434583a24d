"""Grids: files that list scenarios for `schedbench sweep`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from schedbench.errors import InputError
from schedbench.experiment.scenario import Scenario, check_metrics, read_own
from schedbench.experiment.scenario_fields import Seeds
from schedbench.experiment.schema import decode
from schedbench.experiment.settings import apply_settings, parse_sets


class GridEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A scenario in a grid: a name or path, its sizes, and settings by dotted path."""

    scenario: str
    sizes: list[str] = field(default_factory=list)
    set: dict[str, Any] = field(default_factory=dict)


class GridFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """A grid of scenarios × policies × seeds; a plain name stands for a whole entry."""

    name: str
    description: str = ""
    scenarios: Annotated[list[str | GridEntry], Meta(min_length=1)]
    policies: Annotated[list[str], Meta(min_length=1)]
    baseline: str | None = None
    seeds: Seeds = field(default_factory=Seeds)
    labels: list[str] = field(default_factory=list)
    headline: list[str] = field(default_factory=list)
    path: str = ""

    def __post_init__(self) -> None:
        if self.baseline is not None and self.baseline not in self.policies:
            raise ValueError(f"baseline {self.baseline!r} is not among policies")

    def entries(self) -> list[GridEntry]:
        """Return the entries, plain names included."""
        return [
            GridEntry(scenario=each) if isinstance(each, str) else each
            for each in self.scenarios
        ]


def load_grid(path: Path | str, sets: Sequence[str] = ()) -> GridFile:
    """Read a grid file; settings name its own fields.

    Raises
    ------
    InputError
        If the file cannot be read, or says what a grid cannot say.
    """
    document = read_own(path)
    if "scenarios" not in document:
        raise InputError(
            "this is no grid: it lists no scenarios",
            source=path,
            fix="use schedbench run",
        )
    document = apply_settings(document, parse_sets(sets))
    grid = decode(document | {"path": str(path)}, GridFile, path)
    check_metrics("headline", grid.headline, path)
    return grid


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario and grid files."""
    kinds = (Scenario, GridFile)
    either, components = msgspec.json.schema_components(
        kinds, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "schedbench scenario or grid",
        "anyOf": list(either),
        "$defs": components,
    }
