"""The scenario and grid files that come with schedbench."""

from __future__ import annotations

from pathlib import Path

from schedbench.errors import InputError, UnknownNameError

SUFFIXES = (".yaml", ".yml", ".json")
PACKAGE = Path(__file__).resolve().parent.parent


def bundled_folder() -> Path:
    """Return the folder of the shipped scenarios, in a checkout or installed."""
    installed = PACKAGE / "_workloads"
    return installed if installed.is_dir() else PACKAGE.parent / "workloads"


def bundled_scenarios() -> list[Path]:
    """Return the shipped scenario and grid files by name."""
    return sorted(
        path for path in bundled_folder().glob("*") if path.suffix in SUFFIXES
    )


def resolve_target(name_or_path: str | Path) -> Path:
    """Return the path of a file or folder, or of a shipped scenario by its name.

    Raises
    ------
    InputError
        If it is neither.
    """
    path = Path(name_or_path)
    if path.exists() or str(name_or_path) == "-":
        return path
    shipped = {each.stem: each for each in bundled_scenarios()}
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    if path.suffix or len(path.parts) > 1:
        raise InputError("no such file or folder", source=name_or_path)
    raise UnknownNameError("scenario", str(name_or_path), shipped)
