"""Warnings about how a run was made: what weakens its figures, what to do about it.

Those that show in the results alone (few seeds, noise, thresholds) are the report's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schedbench.experiment.cell import CellResult

SHORTEST_SECONDS = 0.05
"""Below this a replay's speed is mostly call overhead and timer noise."""


def caveats(manifest: dict[str, Any], results: Sequence[CellResult]) -> list[str]:
    """Return a sentence for each thing a reader of the results should know."""
    found = []
    here, sessions = manifest["environment"], manifest["sessions"]
    cores = here["cpu"]["usable"] or 1
    remote = [session for session in sessions if session.get("remote")]
    jobs = max((each["jobs"] for each in sessions if each not in remote), default=0)
    if jobs >= cores > 1:
        found.append(
            f"{jobs} cells ran at once on {cores} cores: speeds are those of a busy "
            "machine; use --jobs 1 to measure speed."
        )
    if any(
        session["machine"] != sessions[0]["machine"]
        or session["libraries"] != sessions[0]["libraries"]
        for session in sessions
    ):
        found.append(
            "The cells come from sessions on different machines or library versions: "
            "do not compare their wall-clock times; --force runs all again."
        )
    if remote:
        kinds = sorted({kind for each in remote for kind in each["machines"]})
        found.append(
            f"Cells ran on workers of a cluster ({'; '.join(kinds) or 'none ended'}): "
            "wall-clock times are those of its machines; use --jobs 1 on one machine "
            "to measure speed."
        )
    governor = here["cpu"].get("governor")
    if governor not in {None, "performance"}:
        found.append(
            f"The CPU's frequency governor is {governor!r}: set it to performance to "
            "measure speed."
        )
    git = manifest.get("git")
    if git and git["dirty"]:
        found.append(
            "The checkout had changes that are not committed: "
            f"{git['commit'][:12]} alone does not repeat this run."
        )
    short = [
        result
        for result in results
        if (result.wall_clock.get("schedule_seconds") or 1.0) < SHORTEST_SECONDS
    ]
    if short:
        found.append(
            f"{len(short)} cells scheduled for less than {SHORTEST_SECONDS:g} s: "
            "too short to measure speed; take a larger size."
        )
    for status, meaning in (
        ("failed", "failed"),
        ("timeout", "ran into the time limit"),
        ("skipped", "need something that is not modelled yet"),
    ):
        count = sum(result.status == status for result in results)
        if count:
            found.append(
                f"{count} of {len(manifest['cells'])} cells {meaning}; "
                "they are left out of all figures."
            )
    return found
