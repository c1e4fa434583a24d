"""Runs by name: numbered folders below `runs/`, found by prefix or by age."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from schedbench.errors import InputError, UnknownNameError
from schedbench.experiment.folder import MANIFEST, read_manifest

RUNS = Path("runs")

_RUN = re.compile(r"(\d{4,})_.+")
_LATEST = re.compile(r"latest(?:~(\d+))?")


@dataclasses.dataclass(frozen=True, slots=True)
class RunInfo:
    """A stored run, for `schedbench list runs`."""

    path: Path
    manifest: dict[str, Any]

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def status(self) -> str:
        """`done`, `interrupted`, or `running` (also of a run that was killed)."""
        return str(self.manifest.get("status", "running"))


def new_run(name: str, root: Path = RUNS, now: datetime | None = None) -> Path:
    """Make the folder of a new run, `NNNN_<name>_<yyyymmddThhmmss>`, and return it."""
    root.mkdir(parents=True, exist_ok=True)
    stamp = (now or datetime.now().astimezone()).strftime("%Y%m%dT%H%M%S")
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:60] or "run"
    number = max((_number(path) for path in root.iterdir()), default=0)
    while True:
        number += 1
        path = root / f"{number:04d}_{slug}_{stamp}"
        if any(_number(other) == number for other in root.iterdir()):
            continue  # another process took the number meanwhile
        path.mkdir()
        return path


def run_folders(root: Path = RUNS) -> list[Path]:
    """Return the folders of runs, oldest first."""
    if not root.is_dir():
        return []
    folders = [path for path in root.iterdir() if (path / MANIFEST).is_file()]
    return sorted(folders, key=lambda path: (_number(path), path.name))


def list_runs(root: Path = RUNS) -> list[RunInfo]:
    """Return the stored runs, oldest first; unreadable ones are left out."""
    runs = []
    for path in run_folders(root):
        try:
            runs.append(RunInfo(path, read_manifest(path)))
        except InputError:
            continue
    return runs


def resolve_run(text: str, root: Path = RUNS) -> Path:
    """Return the folder of a run: a path, `latest`, `latest~1`, an id or its prefix.

    Raises
    ------
    InputError
        If nothing or more than one run fits.
    """
    if (Path(text) / MANIFEST).is_file():
        return Path(text)
    folders = run_folders(root)
    age = _LATEST.fullmatch(text)
    if age:
        back = int(age[1] or 0)
        if back >= len(folders):
            raise InputError(
                f"there are {len(folders)} runs in {root}/",
                value=text,
                fix="make one by `schedbench run`, or give the path of a run",
            )
        return folders[-1 - back]
    if Path(text).is_dir():
        raise InputError(
            "not the folder of a run: it has no manifest.json", source=text
        )
    fitting = [path for path in folders if path.name.startswith(text)]
    exact = [path for path in fitting if path.name == text]
    if len(exact or fitting) == 1:
        return (exact or fitting)[0]
    if fitting:
        raise InputError(
            f"{len(fitting)} runs begin so",
            value=text,
            fix=f"one of {', '.join(path.name for path in fitting[:5])}",
        )
    raise UnknownNameError(
        "run", text, ["latest", *(path.name for path in folders)], source=root
    )


def _number(path: Path) -> int:
    match = _RUN.fullmatch(path.name)
    return int(match[1]) if match else 0
