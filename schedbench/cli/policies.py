"""Names of policies: read from the sources without running them, and expanded.

The policies' modules import numba, which takes most of a second; their names and
sentences are constants that a parser finds.
"""

from __future__ import annotations

import ast
import fnmatch
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schedbench.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from schedbench.policies.base import Policy

FOLDER = Path(__file__).resolve().parent.parent / "policies"
ENTRY_POINTS = "schedbench.policies"
WITH_PARAMETERS = frozenset({"process"})
"""Policies that patterns leave out: they mean nothing without their parameters."""


def constants(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Return those texts that a module assigns to names at its top."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in names:
                found[target.id] = str(node.value.value)
    return found


def built_in() -> dict[str, str]:
    """Return name → sentence of the built-in policies."""
    modules = [constants(path, ("NAME", "SUMMARY")) for path in FOLDER.glob("*.py")]
    return {
        module["NAME"]: module["SUMMARY"]
        for module in sorted(modules, key=lambda module: module.get("NAME", ""))
        if "NAME" in module
    }


def installed() -> dict[str, str]:
    """Return name → where it comes from, of the policies of other packages."""
    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    return {entry.name: f"From {entry.value}." for entry in entries}


def expand(texts: Sequence[str]) -> list[Policy]:
    """Return the policies that specs and patterns such as `gpu-*` stand for.

    Raises
    ------
    InputError
        If a spec is malformed or unknown, or no policy fits a pattern.
    """
    from schedbench.policies.registry import make_policy

    specs = [spec for text in texts for spec in _specs(text)]
    return [make_policy(spec) for spec in dict.fromkeys(specs)]


def _specs(text: str) -> list[str]:
    name, bracket, parameters = text.partition("[")
    if name.endswith(".py"):
        raise InputError(
            "a file of policies, but which of them?",
            source="--policy",
            value=text,
            fix=f"write {name}:NAME",
        )
    if ".py:" in name or not set(name) & {"*", "?"}:
        return [text]
    names = [*sorted(built_in().keys() - WITH_PARAMETERS), *installed()]
    fitting = [known for known in names if fnmatch.fnmatchcase(known, name)]
    if not fitting:
        raise UnknownNameError("policy", text, names)
    return [f"{known}{bracket}{parameters}" for known in fitting]
