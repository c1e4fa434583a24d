"""What one `make bench` found, as a file, and the last one before it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.measure import GENERATED, Measured
from schedbench.errors import InputError
from schedbench.experiment.environment import environment
from schedbench.experiment.folder import write_file

SCHEMA_VERSION = 1
NAME = "results.json"


class Results(msgspec.Struct):
    """All measurements of one run, and where it took place.

    Attributes
    ----------
    date
        When it began, UTC.
    quick
        Whether the sizes were tiny: such figures say nothing but that all works.
    environment
        Versions, machine and threads; neither host nor user name.
    load
        The machine's load average over a minute before, and at the end.
    suite_seconds
        Which nodes are scored → seconds of the whole suite in one process, its start
        included.
    """

    date: str
    quick: bool
    environment: dict[str, Any]
    load: list[float] = []
    suite_seconds: dict[str, float] = {}
    measured: list[Measured] = []
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def begin(cls, *, quick: bool) -> Results:
        """Return the results of a run that begins now."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        return cls(now, quick, environment(), load=[load_average()])

    @property
    def machine(self) -> tuple[str, int]:
        """What must be alike for times to be comparable."""
        return self.environment["cpu"]["model"], self.environment["cpu"]["cores"]

    def wrong_digests(self) -> list[str]:
        """Return where `auto` and `scan` placed differently, one sentence each."""
        by_key = {one.key: one for one in self.measured}
        wrong = []
        for scan in self.measured:
            if scan.engine != "scan" or scan.status != "done":
                continue
            for engine in ("auto", "indexed"):
                other = by_key.get((*scan.key[:3], engine))
                if other is not None and not _alike(scan, other):
                    wrong.append(
                        f"{scan.study}: {scan.name} ({scan.scoring}): {engine} and "
                        "scan place differently"
                    )
        return wrong

    def unchecked(self) -> list[Measured]:
        """Return what `auto` played and `scan` did not end.

        Of the figures that are workloads of the suite, the suite tells.
        """
        scanned = {
            one.key[:3]
            for one in self.measured
            if one.engine == "scan" and one.status == "done"
        }
        return [
            one
            for one in self.measured
            if (one.engine, one.status) == ("auto", "done")
            and (one.study == "suite" or one.topic == GENERATED)
            and one.key[:3] not in scanned
        ]

    def lost(self) -> list[Measured]:
        """Return what failed or took too long, but scans that took too long."""
        return [
            one
            for one in self.measured
            if one.status == "failed"
            or (one.status == "timeout" and one.engine != "scan")
        ]

    def write(self, folder: Path) -> Path:
        """Write the results into a folder and return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self), indent=1)
        write_file(folder / NAME, text + b"\n")
        return folder / NAME


def _alike(scan: Measured, other: Measured) -> bool:
    """Tell whether two engines placed alike, as far as both played."""
    if other.status != "done":
        return True
    if scan.pods == other.pods:
        return scan.digest == other.digest
    return scan.first_digest == other.first_digest


def load_average() -> float:
    """Return how many processes wanted to run over the last minute; 0 if unknown."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return 0.0


def read(path: Path) -> Results:
    """Read results from a file, or from a run's folder.

    Raises
    ------
    InputError
        If they are missing, damaged or of another schema version.
    """
    path = path / NAME if path.is_dir() else path
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"the results cannot be read ({error})", source=path) from None
    if found.schema_version != SCHEMA_VERSION:
        raise InputError(
            f"results of another schema version than {SCHEMA_VERSION}",
            source=path,
            where="schema_version",
            value=found.schema_version,
        )
    return found


def stored(folder: Path) -> Iterable[Results]:
    """Yield the readable results below a folder, the last one first."""
    for path in sorted(folder.glob(f"*/{NAME}"), reverse=True):
        try:
            yield read(path)
        except InputError:
            continue


def last_alike(folder: Path, new: Results, page: Path | None = None) -> Results | None:
    """Return the last results of the same machine and sizes; None if there are none.

    `page` holds those to take where the folder has none.
    """
    known = list(stored(folder))
    if page is not None:
        with contextlib.suppress(InputError):
            known.append(read(page))
    return next(
        (
            one
            for one in known
            if one.machine == new.machine
            and one.quick == new.quick
            and one.date != new.date
        ),
        None,
    )


def new_folder(root: Path, results: Results) -> Path:
    """Return a run's folder, which sorts by time."""
    stamp = results.date[:19].replace(":", "").replace("-", "")
    return root / (f"{stamp}-quick" if results.quick else stamp)
